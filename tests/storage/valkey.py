"""Real servers for the tests of storage: started here, ended here."""

import asyncio
from contextlib import asynccontextmanager

from tests.storage.below import program


@asynccontextmanager
async def running(folder, *settings):
    """The server below on the socket `folder/s`, with these settings; yields the socket's path."""
    folder.mkdir(exist_ok=True)
    socket = folder / "s"
    usual = ("--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", "", "--logfile", "")
    process = await asyncio.create_subprocess_exec(program(), *usual, *settings, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(30):
            while b"eady to accept connections" not in (line := await process.stdout.readline()):
                assert line, "the server ended"
        yield socket
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
