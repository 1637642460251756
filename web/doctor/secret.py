"""The secret that signs tokens: where it comes from, whether it is long enough, and who else can read it. It is never shown."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from web.doctor.finding import Finding, fail, ok, warn
from web.setting import SECRET_BYTES

VARIETY = 12
"""A random secret of the least length has more different bytes than this."""
_NEW = "make a new one, such as that of: openssl rand -hex 32"


def examine_secret(environ: Mapping[str, str], data: Path) -> Iterator[Finding]:
    """One line, and one more for an old secret."""
    given = environ.get("DIBS_SECRET")
    yield _file(data / "secret") if given is None else _judge("DIBS_SECRET", given.encode("utf-8", "surrogateescape"))
    if old := environ.get("DIBS_SECRET_OLD"):
        found = _judge("DIBS_SECRET_OLD", old.encode("utf-8", "surrogateescape"))
        mend = "drop it when the last token that it signed has expired"
        yield found if found.mend else warn("secret", f"{found.found}, and verifies tokens too", mend)


def _file(path: Path) -> Finding:
    try:
        state = path.stat()
        secret = path.read_bytes().strip()
    except FileNotFoundError:
        return ok("secret", "none is set: serve makes one and keeps it in the data directory, good for loopback only")
    except OSError as error:
        return fail("secret", f"{path} cannot be read: {error.strerror}", "run dibs as the user to whom it belongs")
    if state.st_mode & 0o077:
        mode = stat.S_IMODE(state.st_mode)
        return fail("secret", f"{path} has mode {mode:o}: others on this machine may read it", f"chmod 600 {path}, and {_NEW}")
    return _judge(str(path), secret)


def _judge(where: str, secret: bytes) -> Finding:
    if len(secret) < SECRET_BYTES:
        return fail("secret", f"{where} has {len(secret)} bytes of the {SECRET_BYTES} that it needs", _NEW)
    if len(set(secret)) < VARIETY:
        return warn("secret", f"{where} has {len(secret)} bytes, few of them different: it can be guessed", _NEW)
    return ok("secret", f"{where} has {len(secret)} bytes")
