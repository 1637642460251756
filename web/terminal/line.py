"""What a typed line means: text to send, or one of the verbs behind a slash."""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Verb:
    """`least` and `most` count the words behind it; the last word of one whose `most` is not None takes the rest of the line."""

    name: str
    usage: str
    meaning: str
    least: int = 0
    most: int = 0
    agents_only: bool = True


VERBS = (
    Verb("claim", "[USER]", "call dibs: the chat is yours", 0, 1),
    Verb("release", "[USER]", "give the chat back to the queue", 0, 1),
    Verb("transfer", "AGENT [NOTE]", "give the chat to another agent", 1, 2),
    Verb("takeover", "[USER]", "own the chat, whoever owned it (supervisors)", 0, 1),
    Verb("resolve", "[USER]", "close the chat", 0, 1),
    Verb("note", "TEXT", "a note that agents see and the shopper never does", 1, 1),
    Verb("announce", "TEXT", "tell everybody of the store something (supervisors)", 1, 1),
    Verb("away", "", "take no chats for now", 0, 0),
    Verb("back", "", "take chats again", 0, 0),
    Verb("open", "USER", "turn to a chat without claiming it; USER may be STORE/USER", 1, 1),
    Verb("store", "STORE", "turn to a store", 1, 1, agents_only=False),
    Verb("chats", "[waiting|claimed|closed]", "list chats", 0, 1, agents_only=False),
    Verb("history", "[COUNT]", "the last messages of the chat", 0, 1, agents_only=False),
    Verb("help", "", "this", 0, 0, agents_only=False),
    Verb("quit", "", "leave; so does Ctrl-D", 0, 0, agents_only=False),
)
BY_NAME = {verb.name: verb for verb in VERBS}


@attrs.frozen
class Say:
    """Send this text to the chat at hand."""

    text: str


@attrs.frozen
class Do:
    """Carry out a verb."""

    verb: Verb
    words: tuple[str, ...]


@attrs.frozen
class Wrong:
    """It means nothing, and why."""

    sentence: str


def read_line(line: str) -> Say | Do | Wrong | None:
    """What a line means; None for an empty one. Two slashes begin a text that begins with one."""
    text = line.strip()
    if not text:
        return None
    if not text.startswith("/"):
        return Say(text)
    if text.startswith("//"):
        return Say(text[1:])
    name, _, rest = text[1:].partition(" ")
    verb = BY_NAME.get(name)
    if verb is None:
        return Wrong(f"there is no /{name}; /help lists what there is")
    words = tuple(rest.split(None, max(verb.most - 1, 0))) if verb.most else tuple(rest.split())
    if not verb.least <= len(words) <= verb.most:
        return Wrong(f"/{verb.name} {verb.usage}".rstrip() + f": {verb.meaning}")
    return Do(verb, words)


def help_lines(*, agent: bool) -> Sequence[str]:
    """One line for each verb that this side may use."""
    shown = [verb for verb in VERBS if agent or not verb.agents_only]
    width = max(len(verb.name) + len(verb.usage) for verb in shown) + 2
    return ["  text" + " " * (width - 3) + "send it to the chat at hand"] + [
        f"  /{verb.name} {verb.usage}".ljust(width + 3) + verb.meaning for verb in shown
    ]
