"""The process of the load: plays a bench's part on a server that runs elsewhere, told what to do by one line of JSON on standard input.

    python -m bench.load deliver < order

It says lines of JSON: how far it is, and in the end what it has found, or what broke.
"""

import gc
import importlib
import sys
from typing import Any

import msgspec
import uvloop


def say(value: Any) -> None:
    """A line to whoever started the process."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


async def main(name: str) -> None:
    """The function `play` of a module of benches."""
    order = msgspec.json.decode(sys.stdin.readline())
    play = importlib.import_module(f"bench.{name}").play
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        found = await play(order, lambda part: say({"part": part}))
    except (AssertionError, ConnectionError, TimeoutError, ValueError) as error:
        say({"failed": f"{type(error).__name__}: {error}"})
    else:
        say({"found": found})


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
