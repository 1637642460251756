"""A proxy before dibs, and the ways in which people set one up."""

import asyncio
from contextlib import asynccontextmanager, suppress

ADDRESS = "127.9.0.1"
"""Where it comes from."""


def forwards(headers, client):
    """As it should be: the one header is added to, the other removed."""
    told = [value for name, value in headers if name == "x-forwarded-for"]
    return [*forgets(headers, client), ("x-forwarded-for", ", ".join([*told, client]))]


def forgets(headers, client):
    """The client's address gets lost."""
    return [(name, value) for name, value in headers if name not in ("x-forwarded-for", "forwarded")]


def passes(headers, client):
    """Says nothing itself, and lets clients say what they like."""
    return headers


def ends_upgrades(headers, client):
    """Hop-by-hop headers end here, as RFC 9110 has it, and nobody told the proxy to speak them on."""
    return [(name, value) for name, value in forwards(headers, client) if name not in ("upgrade", "connection")]


def renames(headers, client):
    """dibs is asked by its inner name."""
    return [(name, "dibs.internal" if name == "host" else value) for name, value in forwards(headers, client)]


@asynccontextmanager
async def proxied(address, manner):
    """Serves what is at `address`, its requests changed as `manner` says; yields the URL."""
    host, port = address.split(":")

    serving = set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        ends = [writer]
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
                line, *rest = head.strip().split("\r\n")
                headers = [(name.lower(), value.strip()) for name, _, value in (field.partition(":") for field in rest)]
                headers = manner(headers, writer.get_extra_info("peername")[0])
                answers, inner = await asyncio.open_connection(host, int(port), local_addr=(ADDRESS, 0))
                ends.append(inner)
                inner.write("\r\n".join([line, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin1"))
                async with asyncio.TaskGroup() as group:
                    group.create_task(pump(reader, inner))
                    group.create_task(pump(answers, writer))
        finally:
            for end in ends:
                end.transport.abort()

    served = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{served.sockets[0].getsockname()[1]}"
    finally:
        served.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def pump(reader, writer):
    """Until either end is closed."""
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.write_eof()
