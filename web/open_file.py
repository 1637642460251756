"""How many files the process may have open: each socket is one."""

import resource

ENOUGH = 1_048_576
FILES = 64
"""Open files that are no client's; of the others strangers get one half."""


def wanted(unauthenticated_limit: int) -> int:
    """How many files leave room for so many strangers."""
    return FILES + 2 * unauthenticated_limit


def raise_limit() -> int:
    """Raises the soft limit as far as the hard one allows; the limit that holds from here on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    for wanted in (most, 65_536, 10_240):  # macOS calls it unlimited and allows 10,240
        if soft < wanted <= most:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            except (OSError, ValueError):
                continue
            return wanted
    return min(soft, ENOUGH) if soft != resource.RLIM_INFINITY else ENOUGH
