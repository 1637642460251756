"""True histories that the tests share, made by the server of `tests.history.scene`."""

from tests.history.scene import Scene


def day(**setting):
    """A day of one store: every command, a lost answer, a refusal of each kind, cuts and resumes. Sessions are named in order."""
    scene = Scene(agent_limit=2, **setting)
    a, b, z = scene.open("agent", "a1"), scene.open("agent", "a2"), scene.open("supervisor", "z1")
    u, v = scene.open("user", "u1"), scene.open("user", "u2")
    other = scene.open("agent", "a9", "s9")
    scene.ask(u, "send", id="first")
    scene.ask(v, "send", id="hello")
    scene.ask(v, "send", store="s9", id="elsewhere")
    scene.ask(a, "send", user="u1", id="early")
    scene.ask(a, "claim", user="u1", id="won")
    scene.ask(b, "claim", user="u1", id="lost")
    scene.ask(b, "send", user="u1", id="foreign")
    scene.ask(a, "send", user="u1", id="reply")
    scene.ask(b, "note", user="u1", id="aside")
    scene.ask(a, "read", user="u1", seq=1)
    scene.ask(u, "read", seq=2)
    scene.ask(u, "received", seq=2)
    scene.ask(a, "received", offset=2)
    scene.ask(u, "send", id="again", lose=True)
    u = scene.open("user", "u1")  # u1#7
    scene.ask(u, "send", id="again")
    scene.ask(a, "transfer", user="u1", to="a2", note="yours", id="handed")
    scene.cut(a)
    a = scene.open("agent", "a1")  # a1#8, from what it acknowledged
    scene.ask(b, "release", user="u1", id="let go")
    scene.ask(b, "resolve", user="u1", id="not theirs")
    scene.ask(z, "takeover", user="u1", id="mine")
    scene.ask(z, "send", user="u1", id="good bye")
    scene.ask(z, "resolve", user="u1", id="over")
    scene.ask(u, "send", id="one more")
    scene.open("agent", "a3", resume={"s1": 3})  # a3#9
    scene.open("user", "u2")  # u2#10
    scene.ask(other, "claim", user="u2", store="s9")
    return scene


def claimed_twice():
    scene = Scene()
    a = scene.open("agent", "a1")
    for user in ("u1", "u2"):
        scene.ask(scene.open("user", user), "send")
        scene.ask(a, "claim", user=user)
    return scene


def acked_twice():
    scene = Scene()
    scene.open("agent", "a1")
    tabs = scene.open("user", "u1"), scene.open("user", "u1")
    for tab in tabs:
        scene.ask(tab, "send", id="again")
    return scene


def two_messages():
    scene = Scene()
    scene.open("agent", "a1")
    user = scene.open("user", "u1")
    scene.ask(user, "send")
    scene.ask(user, "send")
    return scene


GOOD = day().history
