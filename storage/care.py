"""What is asked of a server as a whole, whatever it keeps: its memory, its files, its notes of what it was asked."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from storage.journal import JournalRefused
from storage.pipe import Command
from storage.room import Use

Ask = Callable[[Command], Awaitable[Any]]
"""One reply of the server; raises `Journal…` errors."""


async def info(ask: Ask, section: str) -> dict[str, str]:
    """What it says about itself."""
    text = bytes(await ask(("INFO", section))).decode("utf-8", "replace")
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


async def forget_commands(ask: Ask) -> None:
    """See `Journal.forget_commands`. Not every server has each of these logs, and not everybody may empty them."""
    for command in (("SLOWLOG", "RESET"), *(("COMMANDLOG", "RESET", kind) for kind in ("large-request", "large-reply"))):
        with suppress(JournalRefused):
            await ask(command)


async def is_ready(ask: Ask) -> bool | None:
    """Whether its file can be written anew now; None if it keeps none."""
    found = await info(ask, "persistence")
    if found.get("aof_enabled") != "1":
        return None
    return _is_idle(found) and found.get("rdb_bgsave_in_progress", "0") == "0"


async def end_files(ask: Ask) -> bool:
    """See `Journal.end_files`."""
    found = await info(ask, "persistence")
    if _is_idle(found) and found.get("aof_last_bgrewrite_status") != "ok":
        raise JournalRefused("the server could not write its file anew")
    return _is_idle(found)


async def memory(ask: Ask) -> Use:
    """What the server uses, and of how much."""
    found = await info(ask, "memory")
    limit = int(found.get("maxmemory", 0))
    if limit:
        return Use(int(found["used_memory"]), limit, "the maxmemory of Redis")
    machine = int(found["total_system_memory"])
    return Use(int(found["used_memory"]), machine, "the memory of the machine of Redis, which has no maxmemory,")


def _is_idle(found: dict[str, str]) -> bool:
    return found.get("aof_rewrite_in_progress") == found.get("aof_rewrite_scheduled") == "0"
