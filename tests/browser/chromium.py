"""A real Chromium without a window, spoken to over its debugging protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

PATIENCE_S = 60.0
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0")


def program() -> str | None:
    """Where it is, if it is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Tab:
    """One page. `events` is all that the browser told of it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []

    async def do(self, method: str, **params: Any) -> Any:
        """A command of the protocol and its result."""
        id = next(self._ids)
        await self._socket.send(json.dumps({"id": id, "method": method, "params": params} | self._session))
        async with asyncio.timeout(PATIENCE_S):
            while True:
                told = json.loads(await self._socket.recv())
                if told.get("id") == id:
                    assert "error" not in told, f"{method}: {told['error']}"
                    return told["result"]
                self.events.append(told)

    async def open(self, url: str) -> None:
        target = await self.do("Target.createTarget", url="about:blank")
        attached = await self.do("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        await self.do("Network.enable")
        await self.do("Page.enable")
        await self._load("Page.navigate", url=url)

    async def visit(self, url: str) -> None:
        """Another page in this tab."""
        await self._load("Page.navigate", url=url)

    async def online(self, *, on: bool) -> None:
        """The browser's own switch of its network."""
        await self.do("Network.emulateNetworkConditions", offline=not on, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    async def picture(self, *, width: int = 1280, height: int = 800, scale: float = 1.0, dark: bool = False) -> bytes:
        """What is seen, as a PNG."""
        await self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 500)
        await self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        await asyncio.sleep(0.4)  # what moves has come to rest
        return base64.b64decode((await self.do("Page.captureScreenshot", format="png"))["data"])

    async def reload(self) -> None:
        """What the page had in memory is gone."""
        await self._load("Page.reload")

    async def _load(self, method: str, **params: Any) -> None:
        loads = len(self.of("Page.loadEventFired"))
        await self.do(method, **params)
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of("Page.loadEventFired")) == loads:
                self.events.append(json.loads(await self._socket.recv()))

    def of(self, method: str) -> list[Any]:
        return [event["params"] for event in self.events if event.get("method") == method]

    async def hear(self, method: str) -> Any:
        """What the first event of this name tells, once it has come."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.of(method):
                self.events.append(json.loads(await self._socket.recv()))
        return self.of(method)[0]

    async def run(self, script: str) -> Any:
        """What an async function body returns in the page."""
        found = await self.do("Runtime.evaluate", expression=f"(async () => {{{script}}})()", awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")


@contextlib.asynccontextmanager
async def tab(folder: Path) -> AsyncIterator[Tab]:
    """A browser of its own with one tab; `folder` holds its profile."""
    found = program()
    assert found is not None, "no Chromium on PATH (on Debian: apt install chromium)"
    process = await asyncio.create_subprocess_exec(
        found,
        *FLAGS,
        f"--user-data-dir={folder}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert process.stderr is not None
            while not (line := (await process.stderr.readline()).decode()).startswith("DevTools listening on "):
                assert line, "the browser ended"
        async with connect(line.split()[-1], compression=None, proxy=None, max_size=None) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await process.communicate()
        if process.returncode is None:
            process.kill()
            await process.communicate()
