"""Who is at the other end, as the token says: role and id never come from a frame."""

from typing import Literal

import attrs

from actors.chat import Party

Role = Literal["user", "agent", "supervisor", "operator"]
IdentitySide = Literal["user", "agent", "operator"]


@attrs.frozen(kw_only=True)
class Identity:
    """A verified token. `stores` is None for a user who may talk to any store, and for an operator who may look at any."""

    role: Role
    id: str
    name: str | None
    stores: frozenset[str] | None
    expires_s: float
    issued_s: float = 0.0
    """When the token was signed; 0 if it does not say."""
    visitor: bool = False
    """Whether dibs itself made this identity, for a shopper without an account (`web.visitor`)."""

    @property
    def side(self) -> IdentitySide:
        """Agents and supervisors are one side: an agent who becomes a supervisor stays the same sender."""
        return side_of(self.role)

    @property
    def party(self) -> Party:
        """How others see this identity."""
        return Party(self.role, self.id, self.name)

    def may_enter(self, store: str) -> bool:
        """Whether the token reaches this store at all."""
        return self.stores is None or store in self.stores


def side_of(role: Role) -> IdentitySide:
    """The side that a role belongs to."""
    return "agent" if role == "supervisor" else role
