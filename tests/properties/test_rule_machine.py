"""The rule under random commands, races and retries: the invariants that it gives alone, and those that it gives with the journal.

P1 at most one owner of a chat in an epoch, epochs strictly rise, and nothing else changes them. P2 every message of an agent was sent by
the owner of its epoch. P3 `seq` has no gap. P4 the same id gives the same answer and one effect. P6 unread is the messages of the other
side above the mark. P7 an agent's load is the chats it owns, never above its limit.
P12 the chats of an owner who has come back, by whatever node, are not given back.
"""

import asyncio

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from actors import command as c
from actors import wire
from actors.append import Append, Committed, Conflicted, Duplicate, Unmet
from actors.chat import Chat, Owner, Party
from actors.event import MessageAdded, StatusChanged, tail
from actors.rule import Accepted, LoadAtLeast, LoadBelow, Rejected, apply, correct, decide
from storage.batch import Limits
from storage.memory import MemoryJournal
from tests.storage.material import NOON, append_to_store, arrived, digest

USERS = ("u1", "u2", "u3")
AGENTS = (Party("agent", "a1", "Li"), Party("agent", "a2"), Party("supervisor", "p1", "Po"))
NAMES = {"a1": "Li", "a2": "a2", "p1": "Po"}
NODES = 3
LIMIT = 2
BODY = b'{"text":"x"}'

users = st.sampled_from(USERS)
nodes = st.integers(0, NODES - 1)


@st.composite
def commands(draw, user):
    """What somebody may ask of the chat of `user`, with what a node would know beside the chat left open."""
    by = draw(st.sampled_from([Party("user", user, "Wang"), Party("user", user, "Wang"), *AGENTS]))
    asked = {"by": by, "id": "i0"}
    if by.role == "user":
        kinds = [c.SendMessage(kind="text", body=BODY, **asked)] * 3
        kinds += [
            c.ResolveChat(**asked),
            c.RateChat(score=draw(st.integers(1, 5)), **asked),
            c.MarkRead(seq=draw(st.integers(0, 9)), **asked),
            c.MarkReceived(seq=draw(st.integers(0, 9)), **asked),
        ]
        return draw(st.sampled_from(kinds))
    to = draw(st.sampled_from(["a1", "a2", "p1", "a404"]))
    target = Owner(to, NAMES[to]) if to in NAMES and draw(st.booleans()) else None
    kinds = [c.SendMessage(kind="text", body=BODY, **asked)] * 2 + [c.ClaimChat(limit=LIMIT, **asked)] * 2
    kinds += [
        c.ReleaseChat(**asked),
        c.ResolveChat(**asked),
        c.AddNote(body=BODY, **asked),
        c.MarkRead(seq=draw(st.integers(0, 9)), **asked),
    ]
    kinds += [c.TransferChat(to=to, target=target, note=draw(st.sampled_from([None, "go"])), limit=LIMIT, **asked)]
    kinds += [c.AssignChat(to=Owner("a1", "Li"), limit=LIMIT, **asked)]
    kinds += [c.GiveBackChat(agent=to, arrivals=draw(st.integers(0, 2)), **asked)]
    if by.role == "supervisor":
        kinds += [c.TakeOverChat(limit=LIMIT, **asked), c.RequeueChat(**asked)]
    return draw(st.sampled_from(kinds))


def settled(examples, steps):
    """What fails is told as it was found: making a race smaller takes minutes."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class RuleMachine(RuleBasedStateMachine):
    """The rule alone. Nodes judge by views that lag; the machine is the judge that the append script is, and nothing more."""

    def __init__(self):
        super().__init__()
        self.now_ms = NOON
        self.truth = {user: Chat(store="s1", user=user) for user in USERS}
        self.views = [dict(self.truth) for _ in range(NODES)]
        self.owners = {}
        """(user, epoch) -> status and owner."""
        self.said = {user: [] for user in USERS}

    def load(self, agent):
        return sum(chat.owner_id == agent for chat in self.truth.values())

    @rule(ms=st.sampled_from([0, 1, 500, -1, -3_600_000]))
    def the_clock_moves(self, ms):
        self.now_ms += ms

    @rule(node=nodes, user=users)
    def a_node_looks(self, node, user):
        self.views[node][user] = self.truth[user]

    @rule(node=nodes, user=users, data=st.data())
    def somebody_asks(self, node, user, data):
        view = self.views[node][user]
        command = data.draw(commands(user))
        if isinstance(command, c.ClaimChat | c.TransferChat | c.TakeOverChat | c.AssignChat):
            command = msgspec.structs.replace(command, load=data.draw(st.none() | st.integers(0, 3), label="load"))
        decision = decide(view, command, self.now_ms)
        if isinstance(decision, Rejected):
            assert apply_all(view, ()) == view
            return
        truth = self.truth[user]
        if (view.epoch, view.owner_id) != (truth.epoch, truth.owner_id) or not all(map(self.holds, decision.conditions)):
            return
        for event in decision.events:
            self.happens(user, event)
        self.views[node][user] = self.truth[user]

    def holds(self, condition):
        match condition:
            case LoadBelow(agent, limit):
                return self.load(agent) < limit
            case LoadAtLeast(agent, limit):
                return self.load(agent) >= limit
            case _:
                return True

    def happens(self, user, event):
        before = self.truth[user]
        after = self.truth[user] = apply(before, event)
        if isinstance(event, StatusChanged):
            assert after.epoch > before.epoch, "P1: epochs strictly rise"
            assert (user, after.epoch) not in self.owners, "P1: an epoch is given once"
            assert event.before == before.owner_id
            self.owners[user, after.epoch] = after.status, after.owner_id
        else:
            assert (after.epoch, after.status, after.owner) == (before.epoch, before.status, before.owner), "P1: nothing else changes it"
        if isinstance(event, MessageAdded):
            self.said[user].append(event)
            if event.by.role != "user":
                assert before.owner_id == event.by.id, "P2: the owner of the epoch said it"

    @invariant()
    def p1_an_epoch_has_one_owner(self):
        for (user, _), (status, owner) in self.owners.items():
            assert (owner != "") == (status == "claimed"), user
        for user, chat in self.truth.items():
            if chat.exists:
                assert self.owners[user, chat.epoch] == (chat.status, chat.owner_id)

    @invariant()
    def p3_seq_has_no_gap(self):
        for user, chat in self.truth.items():
            assert chat.seq == len(self.said[user])
            assert chat.from_user == sum(event.by.role == "user" for event in self.said[user])
            assert max(chat.user_read, chat.user_received, chat.store_read) <= chat.seq

    @invariant()
    def p7_nobody_owns_more_than_the_limit(self):
        assert all(self.load(agent.id) <= LIMIT for agent in AGENTS)


def apply_all(chat, events):
    for event in events:
        chat = apply(chat, event)
    return chat


class RaceMachine(RuleBasedStateMachine):
    """The rule through the journal, as store actors of several nodes use it: stale views, batches in which they race, retries."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_ms = NOON
        self.journal = MemoryJournal(lambda: self.now_ms, Limits())
        self.views = [{user: Chat(store="s1", user=user) for user in USERS} for _ in range(NODES)]
        self.answers = {}
        """(user, command) -> the answer of an acknowledged command."""
        self.asked = []
        self.count = 0

    def run(self, call):
        return self.loop.run_until_complete(call)

    @initialize()
    def agents_come(self):
        self.run(self.journal.append([append_to_store("s1", arrived(agent.id, NAMES[agent.id])) for agent in AGENTS]))
        self.arrivals = {agent.id: 1 for agent in AGENTS}

    @rule(agent=st.sampled_from(AGENTS))
    def an_agent_comes_back(self, agent):
        """By any node: the others do not hear of it."""
        self.run(self.journal.append([append_to_store("s1", arrived(agent.id, NAMES[agent.id]))]))
        self.arrivals[agent.id] += 1

    @rule(ms=st.sampled_from([0, 1, 500, -1]))
    def the_clock_moves(self, ms):
        self.now_ms += ms

    @rule(data=st.data())
    def nodes_race(self, data):
        """Commands are decided by nodes that know nothing of each other, carried out in one batch, and decided again until settled."""
        racing = []
        for _ in range(data.draw(st.integers(1, 5), label="commands")):
            if self.asked and data.draw(st.integers(0, 3)) == 0:
                user, command = data.draw(st.sampled_from(self.asked), label="retry")
            else:
                user = data.draw(users)
                self.count += 1
                command = msgspec.structs.replace(data.draw(commands(user)), id=f"i{self.count}")
                self.asked.append((user, command))
            racing.append((data.draw(nodes), user, command, command))
        rounds = 0
        while racing:
            rounds += 1
            assert rounds < 30, "a command is overtaken for ever"
            racing = self.one_round(racing)

    def one_round(self, racing):
        decisions = [decide(self.views[node][user], command, self.now_ms) for node, user, command, _ in racing]
        batch = [
            self.append_of(self.views[node][user], command, asked, decision)
            for (node, user, command, asked), decision in zip(racing, decisions, strict=True)
        ]
        offset = self.run(self.journal.read_log("s1", 0, 1)).offset
        outcomes = self.run(self.journal.append(batch))
        grown = self.run(self.journal.read_log("s1", 0, 1)).offset - offset
        again, happened = [], 0
        for (node, user, command, asked), decision, append, outcome in zip(racing, decisions, batch, outcomes, strict=True):
            match outcome:
                case Committed():
                    happened += sum(bool(some) for some in append.tails)
                    self.committed(user, asked, decision, append, outcome)
                case Duplicate(answer=answer):
                    assert self.answers[user, asked] == answer, "P4: the same answer"
                case Conflicted(chat=chat):
                    self.views[node][user] = chat
                    again.append((node, user, command, asked))
                case Unmet(index=index, value=value):
                    mended = correct(command, append.conditions[index], value)
                    if mended is not None:
                        again.append((node, user, mended, asked))
                case _:
                    again.append((node, user, command, asked))
        assert grown == happened, "P4: what was told as done before did nothing"
        if len(again) == len(racing):
            # Overtaken by those of the same chat in this batch: nobody knows the newest chat yet but through its own conflict.
            for node, user, _, _ in again:
                self.views[node][user] = self.run(self.journal.load_chats("s1", (user,)))[0].chat
        return again

    def append_of(self, view, command, asked, decision):
        """As `actors.store` makes it. `asked` is the command as it came: what it rests on besides is no part of its content."""
        append = Append(store="s1", user=view.user, epoch=view.epoch, owner=view.owner_id, conditions=decision.conditions)
        if not isinstance(command, c.MarkReceived | c.GiveBackChat):
            append.sender = digest(f"{c.side_of(command.by)}/{command.by.id}/{command.id}", 12)
            append.content = digest(repr(asked), 6)
        if isinstance(decision, Accepted):
            after = apply_all(view, decision.events)
            append.records = bool(append.sender)
            append.events, append.tails = decision.events, tuple(map(tail, decision.events))
            if decision.acks == "ownership":
                append.answer = wire.ownership(after.status, after.owner, after.epoch)
            elif decision.acks == "message":
                append.answer = b'"at":%d' % after.at
        return append

    def committed(self, user, asked, decision, append, outcome):
        if isinstance(decision, Rejected):
            return
        assert (user, asked) not in self.answers, "P4: one effect"
        if isinstance(asked, c.GiveBackChat) and decision.events:
            assert asked.arrivals == self.arrivals[asked.agent], "P12: who has come back is not gone"
        if append.records:
            has_message = any(isinstance(event, MessageAdded) for event in append.events)
            self.answers[user, asked] = (b'"seq":%d,' % outcome.seq if has_message else b"") + append.answer

    @invariant()
    def p1_p2_p3_hold_in_the_log(self):
        """Read as an agent would, who heard all of it and nothing else."""
        owner, epoch, seq = dict.fromkeys(USERS), dict.fromkeys(USERS, 0), dict.fromkeys(USERS, 0)
        page = self.run(self.journal.read_log("s1", 0, 10_000))
        for number, frame in enumerate(map(msgspec.json.decode, page.frames), start=1):
            assert frame["offset"] == number
            user = frame["user"]
            if frame["type"] == "status":
                assert frame["epoch"] > epoch[user], "P1"
                assert (frame["owner"] is not None) == (frame["status"] == "claimed")
                epoch[user], owner[user] = frame["epoch"], frame["owner"]
            elif frame["type"] == "message":
                assert frame["seq"] == seq[user] + 1, "P3"
                seq[user] += 1
                if frame["from"]["role"] != "user":
                    assert owner[user] is not None, "P2"
                    assert owner[user]["id"] == frame["from"]["id"], "P2"
        for record in self.run(self.journal.load_chats("s1", USERS)):
            chat = record.chat
            found = owner[chat.user] and owner[chat.user]["id"]
            assert (chat.owner_id, chat.epoch, chat.seq) == (found or "", epoch[chat.user], seq[chat.user])

    @invariant()
    def p4_no_message_stands_twice(self):
        page = self.run(self.journal.read_log("s1", 0, 10_000))
        said = [(f["from"]["id"], f["id"]) for f in map(msgspec.json.decode, page.frames) if f["type"] == "message"]
        assert len(said) == len(set(said))

    @invariant()
    def an_end_is_rated_once_at_most(self):
        page, end, rated = self.run(self.journal.read_log("s1", 0, 10_000)), {}, set()
        for frame in map(msgspec.json.decode, page.frames):
            if frame["type"] == "status":
                end[frame["user"]] = frame["epoch"] if frame["status"] == "closed" else None
            elif frame["type"] == "note" and "rating" in frame["body"]:
                which = frame["user"], end[frame["user"]]
                assert which[1] is not None, "only what has ended is rated"
                assert which not in rated
                rated.add(which)

    @invariant()
    def p6_unread_is_what_the_other_side_said_above_the_mark(self):
        for user in USERS:
            chat = self.run(self.journal.load_chats("s1", (user,)))[0].chat
            page = self.run(self.journal.read_history("s1", user, None, 10_000, notes=False, statuses=False))
            messages = [msgspec.json.decode(entry.frame) for entry in page.entries]
            from_user = [m["seq"] for m in messages if m["from"]["role"] == "user"]
            from_agents = [m["seq"] for m in messages if m["from"]["role"] != "user"]
            assert chat.unread("user") == sum(seq > chat.user_read for seq in from_agents)
            assert chat.unread("store") == sum(seq > chat.store_read for seq in from_user)

    @invariant()
    def p7_load_is_what_an_agent_owns_and_never_above_the_limit(self):
        owned = self.run(self.journal.owned("s1"))
        assert all(len(chats) <= LIMIT for chats in owned.values())
        assert set(owned) <= set(NAMES)

    def teardown(self):
        self.loop.close()


def test_p1_p2_p3_p7_one_owner_in_an_epoch_by_the_rule_and_the_fence_alone():
    run_state_machine_as_test(RuleMachine, settings=settled(120, 50))


def test_p1_p2_p3_p4_p6_p7_hold_through_the_journal_with_races_and_retries():
    run_state_machine_as_test(RaceMachine, settings=settled(100, 25))
