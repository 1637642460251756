"""One target in a process of its own, guided by coverage (atheris, which is libFuzzer for Python): how far it is, in lines of JSON.

Whatever is found ends it with a traceback on standard error; the input that did it is kept in the folder that was named. Where atheris
cannot be had the inputs are mutations that no coverage guides.
"""

import argparse
import importlib
import json
import os
import random
import sys
import time
from pathlib import Path

TOLD_S = 0.2
LONGEST = 9000
"""Bytes of an input: a body may be too large by then."""


class Count:
    """How many frames the target has had, told now and then."""

    def __init__(self, goal, guided):
        self.frames = 0
        self._goal, self._guided = goal, guided
        self._told_s = 0.0

    def add(self, frames):
        self.frames += frames
        now_s = time.monotonic()
        if now_s - self._told_s > TOLD_S or self.frames >= self._goal:
            self._told_s = now_s
            print(json.dumps({"frames": self.frames, "guided": self._guided}), flush=True)
        if self.frames >= self._goal:
            # libFuzzer counts inputs and ends by _exit itself; frames are what is asked for here.
            sys.stderr.flush()
            os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    corpus = arguments.folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    try:
        import atheris
    except ImportError:
        atheris = None
    if atheris is None:
        blind(arguments, Count(arguments.frames, guided=False))
    with atheris.instrument_imports(include=["actors", "web"]):
        module = importlib.import_module("tests.fuzz.target")
    from tests.fuzz.mutate import seeds

    for number, seed in enumerate(seeds(arguments.target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    target, count = module.TARGETS[arguments.target], Count(arguments.frames, guided=True)
    options = [
        f"-seed={arguments.seed}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={arguments.folder}/",
        "-rss_limit_mb=2048",
        "-timeout=60",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: count.add(target(data)))
    atheris.Fuzz()


def blind(arguments, count):
    from tests.fuzz.mutate import Mutator, seeds
    from tests.fuzz.target import TARGETS

    chance = random.Random(arguments.seed)
    mutator = Mutator(chance, [seed.decode("latin-1") for seed in seeds(arguments.target)])
    while True:
        data = mutator.text().encode("utf-8", "surrogatepass") if chance.random() < 0.5 else mutator.text().encode("latin-1", "replace")
        try:
            count.add(TARGETS[arguments.target](data))
        except BaseException:
            (arguments.folder / "crash").write_bytes(data)
            raise


if __name__ == "__main__":
    main()
