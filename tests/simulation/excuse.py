"""What is not asked for in which mode, and why: here and nowhere else.

sticky      Nothing is excused. Each store lives on one node, so everything is live: every rule of `tests.history.linear`, and at rest
            presence and queue places too.
roaming     Clients connect anywhere, and at rest everybody holds what is kept without coming again: what nodes do not tell each other is
            found. Marks come from several nodes, in no order with each other and with snapshots, so a session may hear of older ones after
            newer ones. A node that stands still is taken for dead (`Setting.nodes_pause`). Presence and queue places are not compared.
rollback    What was told in another generation than the last may be gone (`Setting.may_roll_back`): marks go back with the data, an id
            that was forgotten is carried out again, and a node says in its log that it lost something. Not compared, as in roaming:
            presence and queue places, because everybody was just sent away.
"""

EXCUSED = {
    "sticky": (),
    "roaming": ("goes back to",),
    "rollback": ("goes back to", "the same id has the same answer", "nothing is logged as an error"),
}
"""Mode to words of sentences that are no violations in it."""


def is_excused(mode: str, violation: str) -> bool:
    """Whether a violation is none in this mode."""
    return any(words in violation for words in EXCUSED[mode])
