"""The limit of open files, against the sockets that the settings allow."""

from web.doctor.finding import Finding, fail, ok, warn
from web.open_file import FILES, raise_limit, wanted

_MEND = "raise it: ulimit -Hn, or LimitNOFILE= of the service"


def examine_limit(unauthenticated_limit: int) -> Finding:
    """One line. The limit is raised first as far as serve would, in this process alone."""
    return judge(raise_limit(), unauthenticated_limit)


def judge(limit: int, unauthenticated_limit: int) -> Finding:
    """One line for a process that may have so many files open."""
    needed = wanted(unauthenticated_limit)
    if limit < 2 * FILES:
        return fail("open files", f"{limit} at most, hardly a client can connect", _MEND)
    if limit < needed:
        found = f"{limit} at most, {needed} for {unauthenticated_limit} sockets without hello and as many sessions"
        return warn("open files", found, _MEND)
    return ok("open files", f"{limit} at most, {needed} are enough for what the settings allow")
