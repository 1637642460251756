"""A chat both ways by nothing but installed commands: `dibs serve`, `dibs token`, two `dibs chat`, from a folder that is no checkout."""

import os
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue

WAIT_S = 30.0
PAGES = (
    "/agent",
    "/page/agent/main.js",
    "/page/style/base.css",
    "/dibs-client.js",
    "/docs",
    "/docs/style.css",
    "/docs/asyncapi.json",
    "/readyz",
)


class Command:
    """One running command: its lines as they come, its input."""

    def __init__(self, dibs: Path, folder: Path, *words: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DIBS_", "PYTHON"))}
        env |= {"XDG_STATE_HOME": str(folder), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        self.words = words
        self.process = subprocess.Popen(
            [dibs, *words], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said: list[str] = []
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def line(self, pattern: str) -> str:
        """The next line of output that fits."""
        try:
            while (line := self._lines.get(timeout=WAIT_S)) is not None:
                self.said.append(line)
                if re.search(pattern, line):
                    return line
        except Empty:
            pass
        raise AssertionError(f"dibs {self.words[0]}: {pattern} did not come:\n{''.join(self.said)}")

    def end(self) -> int:
        """Ends it as its user would; the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        if self.words[0] == "serve":
            self.process.terminate()
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        """Whatever happened, it is gone then."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for end in (self.process.stdin, self.process.stdout):
            assert end is not None
            with suppress(BrokenPipeError):
                end.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def running(dibs: Path, folder: Path, *words: str) -> Iterator[Command]:
    command = Command(dibs, folder, *words)
    try:
        yield command
    finally:
        command.close()


def chat(dibs: Path, folder: Path) -> None:
    """An agent claims what a user asked, and answers; every page of the documents is there, and `dibs doctor` is content."""
    with running(dibs, folder, "serve", "--port", "0") as serve:
        url = serve.line("dibs: listening on ").split()[-1]
        for page in PAGES:
            with urllib.request.urlopen(url + page, timeout=WAIT_S) as response:
                assert response.status == 200
                assert response.read(), page
        user, agent = (
            ask(dibs, folder, "token", "--role", role, "--id", id, "--store", "s1") for role, id in (("user", "u1"), ("agent", "a1"))
        )
        with running(dibs, folder, "chat", "--url", url, "--token", agent) as a1:
            a1.line("a1")
            with running(dibs, folder, "chat", "--url", url, "--token", user) as u1:
                u1.type("is it blue?")
                a1.line(r"u1.*is it blue\?")
                a1.type("/claim u1")
                u1.line("claimed by")
                a1.type("it is!")
                u1.line("a1.*it is!")
                assert u1.end() == 0
            assert a1.end() == 0
        assert " 0 failures" in ask(dibs, folder, "doctor", "--url", url)
        assert serve.end() == 0


def ask(dibs: Path, folder: Path, *words: str) -> str:
    """What a command prints that ends by itself, and well."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DIBS_", "PYTHON"))}
    done = subprocess.run([dibs, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
