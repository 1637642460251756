"""Seeds from the table of rubbish, and mutations of them: of the text, and of what stands in it."""

import functools
import json
import re

from tests.actors import rubbish

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}\[\]:,]')
VALUES = [value for value in rubbish.VALUES.values() if value is not None and len(value) < 100]
SPICE = [
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\u0000",
    "\\ud800",
    "\0",
    "\x7f",
    "\ufeff",
    "汉",
    "😀",
    " ",
    "\n",
    "9" * 40,
    "-",
    "e9",
    "",
]


@functools.cache
def frames(side):
    """A right frame of each type, and of each kind of body, as JSON, with `@` for the id."""
    cases = [*rubbish.cases(side), *rubbish.body_cases(side)]
    return tuple(sorted({case.text for case in cases if case.good and ("x-later" not in case.text or not rubbish.FIELDS[case.tag])}))


def seeds(target):
    """A small corpus to start from."""
    if target == "codec":
        texts = [*frames("user"), *frames("store")]
        texts += [case.text for case in rubbish.cases("store") if len(case.text) < 1000][::25]
        texts += [f"[{texts[0]},{texts[1]}]", "[]"]
        return [text.replace("@", "i").encode("utf-8", "surrogatepass") for text in texts]
    if target == "body":
        kinds = list(rubbish.BODIES)
        right = [
            bytes([kinds.index(kind)]) + rubbish.written([(one.name, one.right) for one in fields]).encode()
            for kind, fields in rubbish.BODIES.items()
        ]
        return [*right, b'\0{"text":"%b"}' % (b"a" * 8170), b'\0{"text":"%b","x":"%b"}' % (b"a" * 40, rb"\u0061" * 1400)]
    if target == "token":
        claims = {"sub": "u1", "role": "agent", "stores": ["s1", "s2"], "name": "李娜", "exp": 1_800_000_060, "nbf": 1_800_000_000}
        return [json.dumps(claims).encode(), json.dumps(claims | {"role": "user", "stores": None}).encode(), b"a.b.c"]
    hello, control = b"\x01\x05hello", b"\x09\x01p\x0a\x00"
    return [
        b"\x10\x80\xf0" + hello + control,
        b"\0\0\0\x81\x02\xe6\xb1\x89\x00" + control + b"\x00\x01\x89",
        b"\0\0\0\x02\x01x\x08\x02\x03\xe8",
    ]


class Mutator:
    """Makes rubbish of texts; the same of the same `random`."""

    def __init__(self, random, texts):
        self._random = random
        self._texts = texts

    def text(self):
        """One text, mutated once to a few times, now and then not at all."""
        text = self._random.choice(self._texts)
        for _ in range(self._random.choice((0, 1, 1, 1, 2, 3, 5))):
            text = self._random.choice((self._replace, self._spice, self._cut, self._repeat, self._splice, self._extend))(text)
        return text

    def _tokens(self, text):
        return list(_TOKEN.finditer(text))

    def _replace(self, text):
        tokens = self._tokens(text)
        if not tokens:
            return self._spice(text)
        found = self._random.choice(tokens)
        return text[: found.start()] + self._random.choice(VALUES) + text[found.end() :]

    def _spice(self, text):
        at = self._random.randint(0, len(text))
        return text[:at] + self._random.choice(SPICE) + text[at + self._random.randint(0, 1) :]

    def _cut(self, text):
        start = self._random.randint(0, len(text))
        return text[:start] + text[start + self._random.randint(0, 12) :]

    def _repeat(self, text):
        start = self._random.randint(0, len(text))
        end = start + self._random.randint(1, 40)
        return text[:end] + text[start:end] * self._random.randint(1, 3) + text[end:]

    def _splice(self, text):
        other = self._random.choice(self._texts)
        return text[: self._random.randint(0, len(text))] + other[self._random.randint(0, len(other)) :]

    def _extend(self, text):
        if not text.startswith("{"):
            return text
        tokens = self._tokens(self._random.choice(self._texts))
        names = [found.group() for found in tokens if found.group().startswith('"')] or ['"x"']
        return "{" + f"{self._random.choice(names)}:{self._random.choice(VALUES)}," + text[1:]
