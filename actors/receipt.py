"""What one identity has acknowledged with `received`, store by store: one append on its way, and of what comes meanwhile the newest."""

from collections.abc import Callable

Keep = Callable[[str, int, Callable[[], None]], None]
"""Makes a number of a store durable and calls back when its fate is known."""


class Receipts:
    """Cumulative and never backward, so nothing is lost by leaving out the numbers between."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._under_way: dict[str, int] = {}
        """Store to the newest number that came behind the one on its way; 0 if none did."""

    def take(self, store: str, number: int) -> None:
        """All up to `number` is safely held."""
        if store in self._under_way:
            self._under_way[store] = max(self._under_way[store], number)
        else:
            self._under_way[store] = 0
            self._keep(store, number, lambda: self._kept(store))

    def _kept(self, store: str) -> None:
        newest = self._under_way.pop(store, 0)
        if newest:
            self.take(store, newest)
