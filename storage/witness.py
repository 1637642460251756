"""A witness beside the data: what this node has seen committed, so that data which were rolled back while it was away are found out.

Each node has a counter of its own in Redis, which each of its batches raises, and the witness notes it before anybody hears of the
batch. A start that finds the counter below the note sees an older copy, or a file whose tail is gone, and a new generation begins;
whatever other nodes have written since raises their counters, not this one. The note is not synced: after a power cut it may be behind
the data, which accuses nobody. What stood there when it was opened counts, and what this process has noted since: a process that is about
to be relieved by this one may still be noting more.
"""

import os
import secrets
from pathlib import Path


class Witness:
    """Notes a birth mark and a count in one small file, with the name of the counter."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        words = os.pread(self._file, 100, 0).decode(errors="replace").split()
        is_note = len(words) == 3 and words[1].isdecimal()
        self._birth, self._count = (words[0], int(words[1])) if is_note else ("", 0)
        self.name = words[2] if len(words) == 3 else secrets.token_hex(4)
        """The counter's."""

    def has_seen_more(self, birth: str, count: int) -> bool:
        """Whether more batches of these data were seen than there are."""
        return self._birth == birth and self._count > count

    def note(self, birth: str, count: int) -> None:
        """So many batches of these data were committed."""
        self._birth, self._count = birth, count
        os.pwrite(self._file, f"{birth} {count:020d} {self.name}\n".encode(), 0)

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._file)
