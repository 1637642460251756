"""The limit of open files, in a process of its own: raised as far as it goes, and a limit that is too low is said aloud."""

import asyncio
import os
import re
import subprocess
import sys

import pytest

from tests.attack.crowd import Crowd
from tests.wire.person import Person
from tests.wire.server import ROOT, SECRET, Server


def raised(soft, hard):
    """What `raise_limit` says and does in a process with these limits."""
    code = (
        f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}));"
        "from web.open_file import raise_limit; print(raise_limit(), r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    told, held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return int(told), int(held)


@pytest.mark.parametrize(("soft", "hard"), [(256, 512), (512, 512)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft, hard):
    assert raised(soft, hard) == (hard, hard)


class Confined(Server):
    """A server whose process may have 512 files open."""

    def spawn(self):
        flags = [item for key, value in self.options.items() for item in (f"--{key.replace('_', '-')}", str(value))]
        serve = [sys.executable, "-m", "web.command", "serve", "--port", "0", "--data", str(self.data), *flags]
        command = ["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", *serve]
        env = os.environ | {"DIBS_SECRET": SECRET}
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            return subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)


async def test_too_few_files_are_told_at_the_start_and_where_none_is_left_the_server_waits_and_goes_on(tmp_path):
    """Strangers get half of the files at most; sessions can take the rest."""
    server = Confined(tmp_path / "d", private=True)
    await server.start()
    try:
        (line,) = [line for line in server.said().splitlines() if "too_few_open_files" in line]
        assert '"limit": 512' in line
        assert re.search(r'"unauthenticated_limit": 2\d\d\b', line)
        async with Crowd(server.address) as crowd:
            visit = await crowd.ask("visit", tokens=[server.token("user", f"v{n}") for n in range(400)], origins=["127.2.0.1"], over_s=5.0)
            assert visit["ends"] == {"ready": 400}
            await crowd.ask("stand", kind="silent", count=200, origins=["127.2.0.2"])
            async with asyncio.timeout(20):
                while "no_file" not in server.said():  # noqa: ASYNC110 - the log is all that tells
                    await asyncio.sleep(0.05)
        person = await Person.open(server, server.token("user", "u"))
        await person.close()
        await server.stop()
        server.check_log()
    finally:
        server.kill()
