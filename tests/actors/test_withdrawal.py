"""Which tokens a withdrawal stops: by the identity, the moment and the store, and by nothing else."""

import pytest

from actors.identity import Identity
from actors.withdrawal import Withdrawal, Withdrawals

MOMENT = 1_800_000_000_500


def identity(role="agent", id="a7", stores=("s1", "s2"), issued_s=0.0):
    stores = None if stores is None else frozenset(stores)
    return Identity(role=role, id=id, name=None, stores=stores, expires_s=10.0**11, issued_s=issued_s)


def withdrawals(*some):
    known = Withdrawals()
    for side, id, store, at in some:
        known.add(Withdrawal(side, id, store, at))
    return known


ALL, IN_S1 = ("agent", "a7", None, MOMENT), ("agent", "a7", "s1", MOMENT)


@pytest.mark.parametrize(
    ("withdrawal", "who", "stops"),
    [
        (ALL, identity(), True),
        (ALL, identity(role="supervisor"), True),
        (ALL, identity(role="user", stores=None), False),
        (ALL, identity(role="operator", stores=None), False),
        (ALL, identity(id="a77"), False),
        (ALL, identity(issued_s=MOMENT / 1000), True),
        (ALL, identity(issued_s=(MOMENT + 1) / 1000), False),
        (ALL, identity(issued_s=MOMENT // 1000), True),
        (ALL, identity(issued_s=MOMENT // 1000 + 1), False),
        (IN_S1, identity(), True),
        (IN_S1, identity(stores=("s2",)), False),
        (IN_S1, identity(issued_s=(MOMENT + 1) / 1000), False),
        (("user", "u1", None, MOMENT), identity(role="user", id="u1", stores=None), True),
        (("user", "u1", "s1", MOMENT), identity(role="user", id="u1", stores=None), True),
        (("user", "u1", "s1", MOMENT), identity(role="user", id="u1", stores=("s2",)), False),
        (("user", "u1", "s1", MOMENT), identity(role="agent", id="u1"), False),
        (("operator", "o1", None, MOMENT), identity(role="operator", id="o1", stores=None), True),
    ],
)
def test_a_withdrawal_stops_what_it_names_and_was_issued_before_it(withdrawal, who, stops):
    assert withdrawals(withdrawal).stop(who) is stops


def test_the_latest_of_several_withdrawals_counts_in_whatever_order_they_come():
    for moments in ((1000, 2000), (2000, 1000)):
        known = withdrawals(*(("agent", "a7", None, at) for at in moments))
        assert known.stop(identity(issued_s=2.0))
        assert not known.stop(identity(issued_s=2.001))
        assert known.newest == 2000


def test_a_withdrawal_from_all_stores_and_one_from_a_single_store_stand_beside_each_other():
    known = withdrawals(("agent", "a7", None, 1000), ("agent", "a7", "s1", 5000))
    assert known.stop(identity(stores=("s1",), issued_s=3.0))
    assert not known.stop(identity(stores=("s2",), issued_s=3.0))
    assert known.stop(identity(stores=("s2",), issued_s=1.0))


def test_what_is_known_already_is_no_news():
    known = Withdrawals()
    assert known.add(Withdrawal("agent", "a7", None, 2000))
    assert not known.add(Withdrawal("agent", "a7", None, 2000))
    assert not known.add(Withdrawal("agent", "a7", None, 1000))
    assert known.add(Withdrawal("agent", "a7", None, 2001))
    assert known.add(Withdrawal("agent", "a7", "s1", 1))


def test_what_concerns_an_identity_and_what_concerns_a_store_can_be_listed():
    known = withdrawals(("agent", "a7", None, 1), ("agent", "a7", "s1", 2), ("user", "u1", "s1", 3), ("agent", "a8", "s2", 4))
    assert known.of("agent", "a7") == [Withdrawal("agent", "a7", None, 1), Withdrawal("agent", "a7", "s1", 2)]
    assert known.of("user", "a7") == []
    assert known.in_store("s1") == [Withdrawal("agent", "a7", "s1", 2), Withdrawal("user", "u1", "s1", 3)]
