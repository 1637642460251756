"""Who is at the other end, as the token says: role and id never come from a frame."""

from typing import Literal

import attrs

from actors.chat import Party

Role = Literal["user", "agent", "supervisor"]


@attrs.frozen(kw_only=True)
class Identity:
    """A verified token. `stores` is None for a user who may talk to any store."""

    role: Role
    id: str
    name: str | None
    stores: frozenset[str] | None
    expires_s: float

    @property
    def side(self) -> Literal["user", "agent"]:
        """Agents and supervisors are one side: an agent who becomes a supervisor stays the same sender."""
        return "user" if self.role == "user" else "agent"

    @property
    def party(self) -> Party:
        """How others see this identity."""
        return Party(self.role, self.id, self.name)

    def may_enter(self, store: str) -> bool:
        """Whether the token reaches this store at all."""
        return self.stores is None or store in self.stores
