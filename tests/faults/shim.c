/* What a process is told of the world, bent by files: the time of day moves by FAULT_CLOCK (milliseconds, text), writes to append-only
 * files fail with ENOSPC while FAULT_FULL exists, and FAULT_SYNCED records what a sync of such a file has confirmed (path, size). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long long shift_ms(void) {
    static const char *path;
    static int looked;
    if (!looked) { path = getenv("FAULT_CLOCK"); looked = 1; }
    if (!path) return 0;
    char text[32] = {0};
    int handle = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (handle < 0) return 0;
    long got = syscall(SYS_read, handle, text, sizeof text - 1);
    syscall(SYS_close, handle);
    return got > 0 ? atoll(text) : 0;
}

static void move(struct timespec *time, long long ms) {
    long long ns = time->tv_nsec + (ms % 1000) * 1000000;
    time->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
    time->tv_nsec = (ns + 1000000000) % 1000000000;
}

int clock_gettime(clockid_t id, struct timespec *time) {
    int saved = errno;
    int result = (int)syscall(SYS_clock_gettime, id, time);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) { move(time, shift_ms()); errno = saved; }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

static int aof_path(int handle, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    long length = readlink(link, path, size - 1);
    if (length < 4) return 0;
    path[length] = 0;
    return strcmp(path + length - 4, ".aof") == 0;
}

static int full(int handle) {
    char path[4096];
    const char *flag = getenv("FAULT_FULL");
    return flag && access(flag, F_OK) == 0 && aof_path(handle, path, sizeof path);
}

ssize_t write(int handle, const void *data, size_t size) {
    if (full(handle)) { errno = ENOSPC; return -1; }
    return syscall(SYS_write, handle, data, size);
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
    if (full(handle)) { errno = ENOSPC; return -1; }
    return syscall(SYS_writev, handle, parts, count);
}

/* The size before the sync: what comes while it runs is not confirmed by it. */
static int synced(int handle, long number) {
    char path[4096], line[4200];
    struct stat state;
    const char *record = getenv("FAULT_SYNCED");
    int wanted = record && aof_path(handle, path, sizeof path) && fstat(handle, &state) == 0;
    int result = (int)syscall(number, handle);
    if (wanted && result == 0) {
        int out = open(record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        int length = snprintf(line, sizeof line, "%lld %s\n", (long long)state.st_size, path);
        if (out >= 0) { syscall(SYS_write, out, line, length); close(out); }
    }
    return result;
}

int fdatasync(int handle) { return synced(handle, SYS_fdatasync); }
int fsync(int handle) { return synced(handle, SYS_fsync); }
