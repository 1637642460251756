"""What all workers have counted: asked for when one of them is asked, and kept of those that are gone, so that no sum ever falls.

Of one that was killed what it had counted when it was last asked is kept: nobody has seen more of it.
"""

import asyncio
from collections.abc import Collection

from web.crew.member import Member
from web.crew.message import Gathered, Tell
from web.figure import Family, add, lasting

TELL_S = 1.0
"""Who does not answer within this time counts with what it last told."""


class Gathering:
    """`members` are those that have not ended, as they change."""

    def __init__(self, members: Collection[Member]) -> None:
        self._members = members
        self._gone: list[Family] = []
        self._number = 0
        self.restarts = 0

    async def answer(self, asker: Member) -> None:
        """Asks all, and tells the one that wants to know."""
        self._number += 1
        number, asked = self._number, [member for member in self._members if member.served]
        for member in asked:
            member.say(Tell(number=number))
        if asked:
            await asyncio.wait([asyncio.ensure_future(_told(member, number)) for member in asked])
        workers: dict[str, list[list[Family]]] = {}
        for member in sorted(self._members, key=lambda member: member.name):
            workers.setdefault(member.name, []).append(member.figures)
        figures = {name: add(parts) for name, parts in workers.items()}
        asker.say(Gathered(workers=figures, gone=self._gone, restarts=self.restarts))

    def bury(self, member: Member) -> None:
        """A worker is gone."""
        self._gone = add([self._gone, lasting(member.figures)])


async def _told(member: Member, number: int) -> None:
    try:
        async with asyncio.timeout(TELL_S):
            await member.until_told(number)
    except TimeoutError:
        pass
