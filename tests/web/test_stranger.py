"""Who has come and has not said hello: the shares, who gives way, and when the time is over."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from web.stranger import PATIENCE_S, Strangers, place_of


def come(strangers, address, now_s=0.0, **how):
    stranger = strangers.admit(address, now_s, **how)
    return stranger, strangers.surplus()


def test_an_address_gets_its_share_and_no_more_and_others_get_theirs():
    strangers = Strangers(100, 3)
    first = [come(strangers, "192.0.2.1")[0] for _ in range(3)]
    assert come(strangers, "192.0.2.1") == (None, None)
    assert come(strangers, "192.0.2.2")[0] is not None
    strangers.forget(first[0])
    assert come(strangers, "192.0.2.1")[0] is not None
    assert (len(strangers), strangers.count("192.0.2.1")) == (4, 3)


def test_in_a_full_house_the_oldest_of_the_busiest_address_gives_way_to_a_newcomer():
    strangers = Strangers(6, 4)
    quiet = [come(strangers, f"192.0.2.{n}")[0] for n in range(2)]
    busy = [come(strangers, "198.51.100.1")[0] for _ in range(4)]
    newcomer, displaced = come(strangers, "192.0.2.9")
    assert displaced is busy[0]
    assert newcomer.there
    assert all(stranger.there for stranger in quiet)
    assert len(strangers) == 6


def test_against_many_addresses_the_oldest_of_all_gives_way():
    strangers = Strangers(3, 2)
    came = [come(strangers, f"192.0.2.{n}")[0] for n in range(3)]
    assert [come(strangers, f"192.0.2.{n}")[1] for n in range(3, 6)] == came


def test_who_asks_is_the_youngest_of_its_address_and_has_its_time_anew():
    strangers = Strangers(2, 2)
    first, _ = come(strangers, "192.0.2.1", 0.0)
    second, _ = come(strangers, "192.0.2.1", 1.0)
    strangers.renew(first, 5.0)
    assert list(strangers.overdue(PATIENCE_S + 1.0)) == [second]
    assert come(strangers, "192.0.2.2", 12.0)[1] is second
    assert list(strangers.overdue(PATIENCE_S + 5.0)) == [first]


def test_the_overdue_still_count_until_they_are_gone_and_are_overdue_once_more():
    strangers = Strangers(10, 10)
    stranger, _ = come(strangers, "192.0.2.1", 0.0)
    assert list(strangers.overdue(PATIENCE_S - 0.1)) == []
    assert strangers.next_s() == PATIENCE_S
    assert list(strangers.overdue(PATIENCE_S)) == [stranger]
    assert len(strangers) == 1
    for n in range(1, 30):
        assert list(strangers.overdue(PATIENCE_S + n / 3)) == []
    assert list(strangers.overdue(2 * PATIENCE_S)) == [stranger]
    strangers.forget(stranger)
    assert (len(strangers), list(strangers.overdue(100.0)), strangers.next_s()) == (0, [], None)


def test_who_waits_for_us_loses_no_time_and_takes_no_share_but_counts_in_all():
    strangers = Strangers(3, 1)
    first, _ = come(strangers, "192.0.2.1", 0.0)
    left_s = strangers.excuse(first, 4.0)
    assert list(strangers.overdue(100.0)) == []
    second, _ = come(strangers, "192.0.2.1", 100.0)
    assert second is not None
    assert not strangers.resume(first, 101.0, left_s), "the share was taken meanwhile"
    strangers.forget(second)
    assert strangers.resume(first, 102.0, left_s)
    assert [now_s for now_s in range(102, 120) if first in strangers.overdue(now_s)][:1] == [108]
    third, _ = come(strangers, "192.0.2.2")
    strangers.excuse(third, 0.0)
    assert len(strangers) == 2


def test_a_proxy_has_no_share_and_whom_it_speaks_for_has():
    strangers = Strangers(100, 2)
    through = [come(strangers, "10.0.0.1", limited=False)[0] for _ in range(5)]
    assert [strangers.move(stranger, "192.0.2.1") for stranger in through[:3]] == [True, True, False]
    assert strangers.move(through[2], "192.0.2.2")
    assert (strangers.count("10.0.0.1"), strangers.count("192.0.2.1"), strangers.count("192.0.2.2")) == (2, 2, 1)


def test_what_hangs_on_a_stranger_is_let_go_with_it():
    strangers = Strangers(2, 2)
    stranger, _ = come(strangers, "192.0.2.1")
    stranger.drop = stranger.late = kept = lambda: None
    strangers.forget(stranger)
    assert kept not in (stranger.drop, stranger.late)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::1", "::2", True),
    ],
)
def test_ipv6_counts_by_its_64_and_ipv4_by_itself(one, other, same):
    assert (place_of(one) == place_of(other)) is same


class Model(RuleBasedStateMachine):
    """Against a plain list of who is there."""

    LIMIT, SHARE = 7, 3
    strangers = Bundle("strangers")

    def __init__(self):
        super().__init__()
        self.subject = Strangers(self.LIMIT, self.SHARE)
        self.now_s = 0.0
        self.there = []
        self.waiting = {}

    def counted(self, address):
        return sum(s.address == address and s not in self.waiting for s in self.there)

    @rule(target=strangers, address=st.sampled_from("abcdef"), passed_s=st.floats(0, 2))
    def admit(self, address, passed_s):
        self.now_s += passed_s
        full = self.counted(address) >= self.SHARE
        stranger = self.subject.admit(address, self.now_s)
        assert (stranger is None) is full
        if stranger is None:
            return multiple()
        self.there.append(stranger)
        displaced = self.subject.surplus()
        assert (displaced is not None) is (len(self.there) > self.LIMIT)
        if displaced is not None:
            most = max(sum(s.address == address for s in self.there) for address in "abcdef")
            assert sum(s.address == displaced.address for s in self.there) == most
            self.there.remove(displaced)
            self.waiting.pop(displaced, None)
        return stranger

    @rule(stranger=consumes(strangers))
    def forget(self, stranger):
        self.subject.forget(stranger)
        self.waiting.pop(stranger, None)
        if stranger in self.there:
            self.there.remove(stranger)

    @rule(stranger=strangers)
    def wait(self, stranger):
        if stranger in self.there and stranger not in self.waiting:
            self.waiting[stranger] = self.subject.excuse(stranger, self.now_s)

    @rule(stranger=strangers)
    def go_on(self, stranger):
        if stranger in self.waiting:
            room = self.counted(stranger.address) < self.SHARE
            assert self.subject.resume(stranger, self.now_s, self.waiting[stranger]) is room
            if room:
                del self.waiting[stranger]

    @rule(stranger=strangers, address=st.sampled_from("abcdef"))
    def move(self, stranger, address):
        if stranger in self.there and stranger not in self.waiting:
            room = address == stranger.address or self.counted(address) < self.SHARE
            assert self.subject.move(stranger, address) is room

    @rule(passed_s=st.floats(0, 12))
    def sweep(self, passed_s):
        self.now_s += passed_s
        late = list(self.subject.overdue(self.now_s))
        assert len(set(late)) == len(late)
        assert set(late) <= set(self.there) - set(self.waiting)

    @invariant()
    def agrees(self):
        assert len(self.subject) == len(self.there) <= self.LIMIT
        for address in "abcdef":
            assert self.subject.count(address) == sum(s.address == address for s in self.there)
        assert all(stranger.there for stranger in self.there)


TestModel = Model.TestCase
