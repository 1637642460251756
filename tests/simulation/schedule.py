"""What happens in a run, as plain values: who is there, who does what when, and what breaks. A schedule is a function of its seed."""

import random

import attrs

MODES = ("sticky", "sticky", "sticky", "roaming", "roaming", "roaming", "rollback")
"""`sticky`: each store has its node, so that everything has to be live. `roaming`: clients connect anywhere; nodes hear of each
other by what is published. `rollback`: sticky, and the storage loses its tail once."""
LONG_S = 600.0
"""A grace period that no run outlasts."""
SPAN_S = 8.0
"""Commands are given in this time."""

OF_USERS = ("send",) * 9 + ("burst",) * 3 + ("read",) * 3 + ("typing", "history", "chats", "double", "again", "cut", "leave", "end", "rate")
OF_AGENTS = ("claim",) * 7 + ("send",) * 7 + ("release",) * 3 + ("transfer",) * 2 + ("resolve",) * 3 + ("read",) * 3 + ("note",) * 2
OF_AGENTS += ("burst", "typing", "history", "chats", "double", "double", "again", "reuse", "cut", "leave", "availability")
OF_SUPERVISORS = (*OF_AGENTS, "takeover", "takeover", "takeover", "takeover", "requeue", "requeue", "announce")
OF_STORAGE = ("slow", "unreachable", "refused", "lose_requests", "lose_replies", "lose_replies", "stall", "restart")
OF_NODES = ("kill", "pause", "drain")
OF_CLIENTS = ("half_open", "cut_all", "slow_reader")


@attrs.frozen
class Someone:
    """A shopper or an agent with so many tabs. `stores` is where it is at work; a roaming shopper's token names none."""

    role: str
    id: str
    stores: tuple[str, ...]
    tabs: int
    named: bool

    def token(self, until_s: float | None) -> str:
        """Good until then, by the clock of the run; None for ever."""
        return f"{self.role}/{self.id}/{','.join(self.stores) if self.named else ''}/{'' if until_s is None else round(until_s, 3)}"


@attrs.frozen
class Step:
    """Somebody does something; `dice` decides whatever is still open then."""

    at_s: float
    who: str
    tab: int
    verb: str
    dice: int


@attrs.frozen
class Fault:
    """Something breaks, for so long."""

    at_s: float
    kind: str
    lasts_s: float
    dice: int


@attrs.frozen
class Terms:
    """On what the service is given, in a share of the schedules; what is not set is without limit."""

    rate: float = 0.0
    token_s: float | None = None
    """How long a token is good."""
    heartbeat_s: float = 1000.0
    outbox_frames: int = 1024
    """What may wait for one session."""
    log_limit: int = 1_000_000
    history_limit: int = 100_000


@attrs.frozen
class Schedule:
    """All of it."""

    seed: int
    mode: str
    nodes: int
    stores: tuple[str, ...]
    people: tuple[Someone, ...]
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]
    grace_s: float
    agent_limit: int
    terms: Terms = Terms()

    @property
    def is_sticky(self) -> bool:
        return self.mode != "roaming"

    @property
    def parts(self) -> tuple[Step | Fault, ...]:
        """All that may be left out."""
        return (*self.faults, *self.steps)

    def keeping(self, parts: tuple[Step | Fault, ...]) -> "Schedule":
        """The same with these parts only."""
        steps = tuple(part for part in parts if isinstance(part, Step))
        faults = tuple(part for part in parts if isinstance(part, Fault))
        return attrs.evolve(self, steps=steps, faults=faults)

    def without(self, someone: Someone) -> "Schedule":
        """The same without one who is there."""
        return attrs.evolve(self, people=tuple(other for other in self.people if other is not someone))


def schedule(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = random.Random(f"schedule {seed}")
    mode = dice.choice(MODES)
    stores = ("s1", "s2", "s3") if dice.random() < 0.1 else ("s1", "s2")
    people = _people(dice, stores, sticky=mode != "roaming")
    steps = tuple(sorted((_step(dice, people) for _ in range(dice.randrange(60, 70))), key=lambda step: step.at_s))
    faults = _faults(dice, mode)
    # Who comes again to a node that was gone for long is taken for gone by then.
    is_long = mode != "roaming" and any(fault.kind in ("kill", "drain", "rollback", "rollback_alive") for fault in faults)
    found = Schedule(
        seed=seed,
        mode=mode,
        nodes=dice.choice((2, 2, 3)),
        stores=stores,
        people=people,
        steps=steps,
        faults=faults,
        grace_s=LONG_S if is_long else dice.choice((1.0, 3.0, LONG_S)),
        agent_limit=dice.choice((0, 0, 1, 2, 3)),
        terms=_terms(random.Random(f"terms {seed}")),
    )
    return _with_lost_words(random.Random(f"words {seed}"), _sharpened(random.Random(f"sharpened {seed}"), found))


def _with_lost_words(dice: random.Random, plain: Schedule) -> Schedule:
    """What nodes tell each other is lost, all or some of it, and the connections that listen are cut."""
    if plain.mode != "roaming" or dice.random() < 0.5:
        return plain
    more = (
        Fault(round(8.0 * dice.random(), 4), "unheard", round(8.0 * dice.random(), 3), dice.getrandbits(32)),
        Fault(round(8.0 * dice.random(), 4), "cut_ears", 0.01, dice.getrandbits(32)),
    )
    return attrs.evolve(plain, faults=tuple(sorted((*plain.faults, *more), key=lambda fault: fault.at_s)))


def _sharpened(dice: random.Random, plain: Schedule) -> Schedule:
    """In a share of the schedules something more happens, which by chance would be too rare to show what is known to go wrong in it."""
    kinds = {fault.kind for fault in plain.faults}
    if plain.mode == "roaming" and dice.random() < 0.2:
        return _with_crowd(dice, plain)
    if plain.mode == "roaming" and dice.random() < 0.1:
        return _with_contest(dice, plain)
    if plain.mode == "roaming" and not kinds & {"pause", "restart", "stall"} and dice.random() < 0.25:
        return _with_unknown_fates(dice, plain)
    if plain.mode == "sticky" and plain.grace_s < LONG_S and not kinds & {"pause", "restart", "stall"} and dice.random() < 0.5:
        return _with_absence(dice, plain)
    if plain.mode == "sticky" and dice.random() < 0.1:
        return _with_return(dice, plain)
    return plain


def _with_crowd(dice: random.Random, plain: Schedule) -> Schedule:
    """Shoppers write at once, on several nodes, to those who read slowly and for whom little may wait."""
    at_s = 1.5 + 5.0 * dice.random()
    users = [someone for someone in plain.people if someone.role == "user"]
    steps = [
        Step(round(at_s + 0.4 * dice.random(), 4), someone.id, dice.randrange(someone.tabs), "burst", dice.getrandbits(32))
        for someone in (*users, *users)
    ]
    slow = Fault(round(at_s, 4), "slow_reader", 1.5, dice.getrandbits(32))
    return attrs.evolve(
        plain,
        steps=tuple(sorted((*plain.steps, *steps), key=lambda step: step.at_s)),
        faults=tuple(sorted((*plain.faults, slow), key=lambda fault: fault.at_s)),
        terms=attrs.evolve(plain.terms, outbox_frames=3),
    )


def _with_absence(dice: random.Random, plain: Schedule) -> Schedule:
    """An owner goes, and before its grace period is over the storage goes too, for longer than what is left of it."""
    at_s = 6.5 + 1.5 * dice.random()
    away_s = at_s + (0.2 + 0.6 * dice.random()) * plain.grace_s
    back_s = away_s + 1.6 + 1.4 * dice.random()
    more = (
        Fault(round(at_s, 4), "absence", round(back_s + plain.grace_s + 1.5 - at_s, 3), dice.getrandbits(32)),
        Fault(round(away_s, 4), "restart", round(back_s - away_s, 3), dice.getrandbits(32)),
    )
    return attrs.evolve(plain, faults=tuple(sorted((*plain.faults, *more), key=lambda fault: fault.at_s)))


def _with_return(dice: random.Random, plain: Schedule) -> Schedule:
    """Somebody is away for just longer than others may not notice it, and all who connect again meanwhile are shown that."""
    at_s = 1.5 + 5.0 * dice.random()
    more = (
        Fault(round(at_s, 4), "absence", 1.3, dice.getrandbits(32)),
        Fault(round(at_s + 1.01, 4), "cut_all", 0.01, dice.getrandbits(32)),
    )
    return attrs.evolve(plain, faults=tuple(sorted((*plain.faults, *more), key=lambda fault: fault.at_s)))


def _with_contest(dice: random.Random, plain: Schedule) -> Schedule:
    """Owners let go of chats in the moment in which a supervisor takes them, on other nodes."""
    agents = [someone for someone in plain.people if someone.role == "agent"]
    chiefs = [someone for someone in plain.people if someone.role == "supervisor"]
    steps = [
        Step(round(at_s + 0.01 * dice.random(), 4), someone.id, dice.randrange(someone.tabs), verb, dice.getrandbits(32))
        for at_s in (3.5, 4.5, 5.5, 6.5)
        for group, verbs in ((agents, ("claim", "release", "release")), (chiefs, ("takeover", "takeover", "resolve")))
        for someone in group
        for verb in verbs
    ]
    return attrs.evolve(plain, steps=tuple(sorted((*plain.steps, *steps), key=lambda step: step.at_s)))


def _with_unknown_fates(dice: random.Random, plain: Schedule) -> Schedule:
    """The storage stands still for longer than anybody is kept waiting, and goes on before those who wrote last have waited so long.
    What they wrote first was overtaken by a change on another node."""
    at_s = 2.0 + 4.0 * dice.random()
    plans = {"user": (("send", 0.3), ("send", 1.5), ("send", 2.5)), "supervisor": (("takeover", 0.0),) * 4, "agent": ()}
    steps = [
        Step(round(at_s + from_s + 0.3 * dice.random(), 4), someone.id, dice.randrange(someone.tabs), verb, dice.getrandbits(32))
        for someone in plain.people
        for verb, from_s in plans[someone.role]
    ]
    stall = Fault(round(at_s, 4), "stall", round(4.8 + dice.random(), 3), dice.getrandbits(32))
    return attrs.evolve(
        plain,
        steps=tuple(sorted((*plain.steps, *steps), key=lambda step: step.at_s)),
        faults=tuple(sorted((*plain.faults, stall), key=lambda fault: fault.at_s)),
    )


def _terms(dice: random.Random) -> Terms:
    return Terms(
        rate=dice.choice((0.0, 0.0, 0.0, 0.0, 0.3)),
        token_s=dice.choice((None, None, None, None, round(1.0 + 3.0 * dice.random(), 3))),
        heartbeat_s=dice.choice((1000.0, 1000.0, 1000.0, 3.0)),
        log_limit=dice.choice((1_000_000, 1_000_000, 1_000_000, 1_000_000, dice.randrange(8, 25))),
        history_limit=dice.choice((100_000, 100_000, 100_000, 100_000, dice.randrange(4, 12))),
        outbox_frames=dice.choice((3, 12, 1024)),
    )


def _people(dice: random.Random, stores: tuple[str, ...], *, sticky: bool) -> tuple[Someone, ...]:
    def at_work(i: int) -> tuple[str, ...]:
        if sticky:
            return (stores[0 if dice.random() < 0.5 else i % len(stores)],)
        return stores if dice.random() < 0.7 else (stores[i % len(stores)],)

    agents = [Someone("agent", f"a{i + 1}", at_work(i), dice.choice((1, 2)), named=True) for i in range(dice.choice((2, 2, 2, 3)))]
    chief = Someone("supervisor", "z1", at_work(0), 2, named=True)
    users = [
        Someone("user", f"u{i + 1}", (stores[i],) if sticky and i < len(stores) else at_work(i), dice.choice((1, 1, 1, 2)), named=sticky)
        for i in range(dice.randrange(4, 6))
    ]
    return (*agents, chief, *users)


def _step(dice: random.Random, people: tuple[Someone, ...]) -> Step:
    who = dice.choice(people)
    verbs = {"user": OF_USERS, "agent": OF_AGENTS, "supervisor": OF_SUPERVISORS}[who.role]
    # Half of it happens in a hurry, so that people really meet.
    at_s = dice.random() * SPAN_S if dice.random() < 0.5 else 1.0 + dice.randrange(4) * 2 + dice.random() * 0.03
    return Step(round(at_s, 4), who.id, dice.randrange(who.tabs), dice.choice(verbs), dice.getrandbits(32))


def _faults(dice: random.Random, mode: str) -> tuple[Fault, ...]:
    # Where the storage loses its tail the rest is mended by then: nodes that look at it at different times may hide it from each other.
    span_s = 2.5 if mode == "rollback" else SPAN_S
    faults = []
    for _ in range(dice.randrange(3, 6)):
        kind = dice.choice(dice.choice((OF_STORAGE, OF_STORAGE, OF_NODES, OF_CLIENTS)))
        lasts_s = 10.0 if kind == "stall" and mode != "rollback" and dice.random() < 0.3 else round(0.1 + 3.0 * dice.random() ** 2, 3)
        faults.append(Fault(round(0.3 + dice.random() * span_s, 4), kind, lasts_s, dice.getrandbits(32)))
    if mode == "rollback":
        kind = dice.choice(("rollback", "rollback_alive"))
        faults.append(Fault(round(6.2 + dice.random() * 2, 4), kind, round(0.05 + dice.random(), 3), dice.getrandbits(32)))
    return tuple(sorted(faults, key=lambda fault: fault.at_s))
