"""Who may not come in any more: withdrawals of access, and whether one of them stops a token.

A withdrawal names a side, an id and a moment, and maybe one store. It stops every token of that id which was issued at or before the
moment; one that names a store stops only tokens that reach this store. A token issued later is a new permission. Of several withdrawals
of the same access the latest moment counts. Everything here is pure; `actors.revocation` reads, keeps and carries out.
"""

import msgspec

from actors.identity import Identity, IdentitySide


class Withdrawal(msgspec.Struct, frozen=True):
    """`at` is the moment, in ms since the epoch; `store` None means every store."""

    side: IdentitySide
    id: str
    store: str | None
    at: int


class Withdrawals:
    """All that a node knows of. It only ever grows: what the storage forgot stays withdrawn here."""

    def __init__(self) -> None:
        self._moments: dict[tuple[IdentitySide, str], dict[str | None, int]] = {}
        self.newest = 0
        """The latest moment of all."""

    def add(self, withdrawal: Withdrawal) -> bool:
        """Takes a withdrawal; whether it says anything new."""
        moments = self._moments.setdefault((withdrawal.side, withdrawal.id), {})
        if moments.get(withdrawal.store, -1) >= withdrawal.at:
            return False
        moments[withdrawal.store] = withdrawal.at
        self.newest = max(self.newest, withdrawal.at)
        return True

    def stop(self, identity: Identity) -> bool:
        """Whether one of them stops the token of this identity."""
        moments = self._moments.get((identity.side, identity.id))
        if moments is None:
            return False
        issued_ms = round(identity.issued_s * 1000)
        return any(issued_ms <= at and (store is None or identity.may_enter(store)) for store, at in moments.items())

    def of(self, side: IdentitySide, id: str) -> list[Withdrawal]:
        """Every withdrawal of this identity's access."""
        return [Withdrawal(side, id, store, at) for store, at in self._moments.get((side, id), {}).items()]

    def in_store(self, store: str) -> list[Withdrawal]:
        """Every withdrawal that names this store."""
        return [Withdrawal(side, id, store, moments[store]) for (side, id), moments in self._moments.items() if store in moments]
