"""A witness beside the data: what this node has seen committed, so that data which were rolled back while it was away are found out.

Each batch raises a counter in Redis, and the witness notes it before anybody hears of the batch. A start that finds the counter below
the note sees an older copy, or a file whose tail is gone, and a new generation begins. The note is not synced: after a power cut it may
be behind the data, which accuses nobody.
"""

import os
from pathlib import Path


class Witness:
    """Notes a birth mark and a count in one small file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def has_seen_more(self, birth: str, count: int) -> bool:
        """Whether more batches of these data were seen than there are."""
        words = os.pread(self._file, 100, 0).decode(errors="replace").split()
        return len(words) == 2 and words[0] == birth and words[1].isdecimal() and int(words[1]) > count

    def note(self, birth: str, count: int) -> None:
        """So many batches of these data were committed."""
        os.pwrite(self._file, f"{birth} {count:020d}\n".encode(), 0)

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._file)
