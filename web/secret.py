"""The secret that signs tokens: DIBS_SECRET, or one of dibs' own, kept in the data directory with mode 600."""

import os
import secrets
from pathlib import Path

from actors.port import Log
from web.setting import SECRET_BYTES, StartError


def load_secret(given: bytes | None, data: Path, log: Log, *, may_make: bool = True) -> bytes:
    """`given`, or what the file holds, or a new one that is kept for the next time; raises StartError."""
    if given is not None:
        return given
    path = data / "secret"
    try:
        if not path.exists():
            if not may_make:
                raise StartError(f"there is no secret in {data}; name serve's directory with --data, or set DIBS_SECRET or DIBS_TOKEN")
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _make(path):
                log.info("secret_made", path=str(path))
        if data.stat().st_mode & 0o022:
            log.warning("data_writable_by_others", path=str(data))
        if path.stat().st_mode & 0o077:
            log.warning("secret_readable_by_others", path=str(path))
        secret = path.read_bytes().strip()
    except OSError as error:
        raise StartError(f"the secret {path} cannot be read or made: {error.strerror}") from None
    if len(secret) < SECRET_BYTES:
        raise StartError(f"the secret in {path} has fewer than {SECRET_BYTES} bytes; remove the file for a new one (old tokens end)")
    return secret


def _make(path: Path) -> bool:
    """Whether this process made it. Written in full under another name and then linked, so that of two racing starts one wins and
    both read the whole of the same secret; synced, because tokens outlive a power cut."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "w") as out:
            out.write(secrets.token_urlsafe(48) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
