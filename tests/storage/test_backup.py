"""A backup of the private server's data: made beside it, whole or not at all, and taken back as something new."""

import asyncio
import fcntl
import os
import stat
import tarfile
import time
from contextlib import asynccontextmanager

import pytest
import redis

from storage import backup as backup_module
from storage.archive import SUMMARY, verify
from storage.backup import back_up
from storage.directory import BACKED_UP, RESTORED, DataDirectory, backed_up_s
from storage.embedded import EmbeddedServer
from storage.fault import CopyError, StorageStartError
from storage.key import BIRTH
from storage.restore import UNFINISHED, restore


class Silent:
    """A log that nobody reads."""

    def info(self, event, **fields):
        """Nothing."""

    debug = warning = error = info


def nobody(done, total):
    """Nobody watches."""


@asynccontextmanager
async def serving(data):
    """A private server in `data`, and an ordinary client of it."""
    server = await EmbeddedServer.start(data, None, Silent())
    with redis.Redis(unix_socket_path=server.url.removeprefix("unix://"), protocol=2) as client:
        try:
            yield client
        finally:
            await server.stop()


def take_back(source, data, *, force=False):
    return restore(source, data, None, Silent(), force=force, progress=nobody)


def refusal(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
async def backup(tmp_path):
    """A backup of data that hold a little, made while they were served, and of which more was written afterwards."""
    target = tmp_path / "backup"
    async with serving(tmp_path / "data") as client:
        client.set(BIRTH, "born")
        client.set("before", "kept")
        back_up(tmp_path / "data", target, nobody)
        client.set("after", "not kept")
    return target


async def test_what_was_written_before_it_is_in_it_and_what_came_after_is_not(backup, tmp_path):
    done = await take_back(backup, tmp_path / "new")
    assert done.put_aside is None
    async with serving(tmp_path / "new") as client:
        assert (client.get("before"), client.get("after")) == (b"kept", None)


async def test_the_data_remember_when_they_were_last_backed_up(backup, tmp_path):
    assert 0 <= time.time() - backed_up_s(tmp_path / "data") < 60
    assert stat.S_IMODE((tmp_path / "data" / BACKED_UP).stat().st_mode) == 0o600


async def test_it_can_be_made_while_nobody_serves(tmp_path):
    async with serving(tmp_path / "data") as client:
        client.set(BIRTH, "born")
    back_up(tmp_path / "data", tmp_path / "backup", nobody)
    await take_back(tmp_path / "backup", tmp_path / "new")


async def test_a_rewrite_in_the_middle_takes_nothing_from_it(tmp_path):
    """The server puts other files in the place of those that are being copied, and removes them."""
    async with serving(tmp_path / "data") as client:
        client.set(BIRTH, "born")
        client.set("before", "kept")
        rewritten = []

        def rewrite(done, total):
            if not rewritten:
                client.bgrewriteaof()
                while client.info("persistence")["aof_rewrite_in_progress"]:
                    pass
                client.set("after", "not kept")
            rewritten.append(done)

        folder = tmp_path / "data" / "valkey" / "appendonlydir"
        before = set(folder.iterdir())
        await asyncio.to_thread(back_up, tmp_path / "data", tmp_path / "backup", rewrite)
        assert before - set(folder.iterdir())
    await take_back(tmp_path / "backup", tmp_path / "new")
    async with serving(tmp_path / "new") as client:
        assert (client.get("before"), client.get("after")) == (b"kept", None)


async def test_files_that_were_replaced_while_they_were_opened_are_opened_again(tmp_path, monkeypatch):
    async with serving(tmp_path / "data") as client:
        client.set(BIRTH, "born")
        read = []

        def rewritten_in_between(manifest, data, look=backup_module._read):
            found = look(manifest, data)
            if not read:
                client.bgrewriteaof()
                while client.info("persistence")["aof_rewrite_in_progress"]:
                    pass
                client.set("late", "but before it was opened")
            read.append(found)
            return found

        monkeypatch.setattr(backup_module, "_read", rewritten_in_between)
        await asyncio.to_thread(back_up, tmp_path / "data", tmp_path / "backup", nobody)
        assert len(read) == len(set(read)) == 2
    await take_back(tmp_path / "backup", tmp_path / "new")
    async with serving(tmp_path / "new") as client:
        assert client.get("late")


async def test_a_last_entry_that_was_half_written_is_left_out(tmp_path):
    async with serving(tmp_path / "data") as client:
        client.set(BIRTH, "born")
    (tail,) = (tmp_path / "data" / "valkey" / "appendonlydir").glob("*.incr.aof")
    with tail.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$10\r\nhalf")
    back_up(tmp_path / "data", tmp_path / "backup", nobody)
    await take_back(tmp_path / "backup", tmp_path / "new")
    async with serving(tmp_path / "new") as client:
        assert client.get("x") is None


async def test_only_its_owner_may_read_it_also_where_something_was_left_behind(tmp_path, backup):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    part = tmp_path / "again.part"
    part.write_bytes(b"left behind by one that was killed" * 10_000)
    part.chmod(0o644)
    back_up(tmp_path / "data", tmp_path / "again", nobody)
    assert stat.S_IMODE((tmp_path / "again").stat().st_mode) == 0o600
    assert not part.exists()
    verify(tmp_path / "again", nobody)


async def test_the_former_one_stays_until_the_new_one_is_whole(tmp_path, backup):
    before = backup.read_bytes()

    def fail(done, total):
        raise OSError(28, "No space left on device")

    with pytest.raises(CopyError) as caught:
        back_up(tmp_path / "data", backup, fail)
    assert refusal(caught) == f"{backup} cannot be written: No space left on device"
    assert backup.read_bytes() == before
    assert not backup.with_name("backup.part").exists()


async def test_two_at_once_to_one_file_are_refused(tmp_path, backup):
    with (tmp_path / "backup.part").open("wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        with pytest.raises(CopyError) as caught:
            back_up(tmp_path / "data", backup, nobody)
    assert refusal(caught) == f"another backup to {backup} is under way"


async def test_what_cannot_be_backed_up_is_one_line(tmp_path, backup):
    for data, target, words in (
        (tmp_path / "nothing", backup, "nothing holds no data of a private server; a Redis of your own (--redis) has its own means"),
        (tmp_path / "data", tmp_path / "no" / "folder", "folder cannot be written: No such file or directory"),
        (tmp_path / "data", tmp_path / "data", "data cannot be written: Is a directory"),
    ):
        with pytest.raises(CopyError) as caught:
            back_up(data, target, nobody)
        assert refusal(caught).endswith(words)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "data" / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_bytes(b"rubbish\n")
    with pytest.raises(CopyError) as caught:
        back_up(tmp_path / "data", backup, nobody)
    assert refusal(caught).endswith("cannot be read")


async def test_a_file_that_is_none_or_not_whole_or_damaged_is_refused_and_touches_nothing(tmp_path, backup):
    whole = backup.read_bytes()
    with tarfile.open(backup) as tar:
        entries = [(entry.name, entry.offset_data, entry.offset) for entry in tar]
    base = next(at for name, at, _ in entries if "base" in name)
    summary = next(at for name, _, at in entries if name == SUMMARY)
    spoiled = bytearray(whole)
    spoiled[base + 20] ^= 1
    for text, words in (
        (b"", "is no backup of dibs"),
        (b"rubbish" * 1000, "is no backup of dibs"),
        (whole[: base + 5], "is damaged, or not whole"),
        (whole[:summary], "is not whole: its end is missing"),
        (bytes(spoiled), "is damaged: its files are not those that it was made of"),
    ):
        backup.write_bytes(text)
        with pytest.raises(CopyError) as caught:
            await take_back(backup, tmp_path / "new")
        assert refusal(caught) == f"{backup} {words}"
    assert not (tmp_path / "new").exists()
    with pytest.raises(CopyError) as caught:
        await take_back(tmp_path / "missing", tmp_path / "new")
    assert refusal(caught).endswith("missing cannot be read: No such file or directory")


async def test_a_tar_of_something_else_is_refused_and_nothing_is_written_outside(tmp_path):
    (tmp_path / "evil").write_bytes(b"evil")
    with tarfile.open(tmp_path / "backup", "w") as tar:
        tar.add(tmp_path / "evil", "../../evil")
    with pytest.raises(CopyError) as caught:
        await take_back(tmp_path / "backup", tmp_path / "new")
    assert refusal(caught).endswith("backup is no backup of dibs")


async def test_data_that_no_server_can_load_are_refused_before_anything_is_replaced(tmp_path):
    async with serving(tmp_path / "data") as client:
        client.set(BIRTH, "born")
    (tail,) = (tmp_path / "data" / "valkey" / "appendonlydir").glob("*.incr.aof")
    tail.write_bytes(b"this is no append-only file at all, and never was one\r\n")
    back_up(tmp_path / "data", tmp_path / "backup", nobody)
    async with serving(tmp_path / "other") as client:
        client.set("mine", "still here")
    with pytest.raises(CopyError) as caught:
        await take_back(tmp_path / "backup", tmp_path / "other", force=True)
    assert "backup cannot be loaded: the private server ended at its start: " in refusal(caught)
    async with serving(tmp_path / "other") as client:
        assert client.get("mine")
    assert {path.name for path in (tmp_path / "other").iterdir()} == {"lock", "valkey"}


async def test_data_of_somebody_else_are_refused(tmp_path):
    async with serving(tmp_path / "data") as client:
        client.set("not", "of dibs")
    back_up(tmp_path / "data", tmp_path / "backup", nobody)
    with pytest.raises(CopyError) as caught:
        await take_back(tmp_path / "backup", tmp_path / "new")
    assert refusal(caught).endswith("backup holds no data of dibs")


async def test_it_is_not_taken_back_under_a_dibs_that_serves(tmp_path, backup):
    async with serving(tmp_path / "data") as client:
        with pytest.raises(StorageStartError) as caught:
            await take_back(backup, tmp_path / "data", force=True)
        assert client.get("after")
    assert refusal(caught).endswith(f"is in use by another dibs (pid {os.getpid()})")


async def test_data_that_are_there_are_replaced_only_by_force_and_kept_beside(tmp_path, backup):
    with pytest.raises(CopyError) as caught:
        await take_back(backup, tmp_path / "data")
    assert refusal(caught) == f"{tmp_path / 'data'} holds data already; with --force they are kept beside and replaced"
    done = await take_back(backup, tmp_path / "data", force=True)
    assert done.put_aside.parent == tmp_path / "data"
    async with serving(tmp_path / "data") as client:
        assert client.get("after") is None
    (tmp_path / "old").mkdir()
    done.put_aside.rename(tmp_path / "old" / "valkey")
    async with serving(tmp_path / "old") as client:
        assert client.get("after")


async def test_what_was_taken_back_has_another_birth_mark(tmp_path, backup):
    await take_back(backup, tmp_path / "new")
    async with serving(tmp_path / "new") as client:
        assert client.get(BIRTH) != b"born"


async def test_a_restore_that_was_killed_is_finished_by_the_next_start_or_leaves_what_was_there(tmp_path, backup):
    """Killed before the copy was whole: what was there is served. Killed between the two renames: the copy is."""
    data = tmp_path / "data"
    (data / UNFINISHED / "valkey" / "appendonlydir").mkdir(parents=True)
    async with serving(data) as client:
        assert client.get("after")
    await take_back(backup, tmp_path / "new")
    (data / RESTORED).mkdir()
    (tmp_path / "new" / "valkey").rename(data / RESTORED / "valkey")
    (data / "valkey").rename(data / "valkey.before-somewhen")
    async with serving(data) as client:
        assert (client.get("before"), client.get("after")) == (b"kept", None)
    assert not (data / RESTORED).exists()
    await take_back(backup, data, force=True)
    assert not (data / UNFINISHED).exists()


def test_a_directory_without_a_copy_that_waits_is_left_as_it_is(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    assert directory.finish_restore() is None
    directory.release()
