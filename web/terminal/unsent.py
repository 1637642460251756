"""Lines without an answer, kept in a file of their owner until there is one: a terminal that is closed or killed loses none, and each is
sent once, since it keeps its `id`."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def folder() -> Path:
    """Where programs keep their state (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "dibs"


class Unsent:
    """The `send` frames of one identity at one server, by id, in the order in which they were typed."""

    def __init__(self, url: str, role: str, id: str) -> None:
        name = hashlib.blake2b(f"{url} {role} {id}".encode(), digest_size=8).hexdigest()
        self._path = folder() / f"unsent-{name}.json"
        self.frames: dict[str, dict[str, Any]] = self._load()

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            frames = json.loads(self._path.read_text("utf-8"))
            return {frame["id"]: frame for frame in frames if isinstance(frame["id"], str) and isinstance(frame["body"], dict)}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def add(self, frame: dict[str, Any]) -> None:
        """A line was typed."""
        self.frames[frame["id"]] = frame
        self._store()

    def remove(self, id: str) -> None:
        """It has its answer."""
        if self.frames.pop(id, None) is not None:
            self._store()

    def _store(self) -> None:
        """Replaced whole, so that a kill leaves the old or the new. Where it cannot be written the lines live as long as the terminal."""
        try:
            if not self.frames:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False, encoding="utf-8") as file:
                json.dump(list(self.frames.values()), file)
            Path(file.name).replace(self._path)
        except OSError:
            pass
