"""Every bench in small: it runs, and what it promises holds; the report shows what was found and asks for nothing from elsewhere."""

import json
import re
import subprocess
import sys

import pytest

from bench.found import Found, Plot, distribution, spread
from bench.line import Dibs, Place, Who
from bench.report import Report, page
from bench.run import BENCHES, one
from bench.scale import grown
from bench.talk import Talk
from tests.wire.server import ROOT, SECRET, Server

pytestmark = pytest.mark.anyio

SHARE = 0.01
LESS = {"stores": 0.003}
"""A hundredth of it takes a long time."""


@pytest.mark.parametrize("name", BENCHES)
async def test_a_small_part_of_each_bench_keeps_its_promise_and_gives_its_figures(name, tmp_path):
    parts: list[float] = []
    found = await BENCHES[name](tmp_path, LESS.get(name, SHARE), parts.append)
    # The machine has other things to do than to show how slow it is: of what was found only what does not depend on it is looked at.
    assert not [sentence for sentence in found.broken if "times as much" not in sentence and "the p99 went" not in sentence]
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1)
    figures = [figure for row in found.rows.values() for figure in row.items()]
    assert all(value >= 0 for _, value in figures)
    assert any(what.endswith("p99 ms") for what, _ in figures)
    assert found.plots
    assert all(points for plot in found.plots for points in plot.lines.values())


async def test_a_bench_that_cannot_go_on_says_why_and_the_others_are_run():
    async def bench(folder, share, step):
        raise AssertionError("two owners")

    assert (await one(bench, 1, lambda _: None)).broken == ["two owners"]


def test_a_message_that_costs_more_with_every_node_breaks_the_promise():
    few, many = (
        {"commands a message": 18.0, "bytes to Redis a message": 1000.0},
        {"commands a message": 18.0, "bytes to Redis a message": 1140.0},
    )
    assert grown([few, few]) == []
    assert grown([few, many]) == ["bytes to Redis a message went from 1000 to 1140 with the nodes that have no one of its store"]


async def test_a_load_hears_what_is_left_out_said_twice_or_for_somebody_else(tmp_path):
    """The judge itself: what it is told here no server may say."""
    with Server(tmp_path / "data", private=True).running() as server:
        talk = Talk([Place(server.address, SECRET)], Dibs, {"server": server.pid}, 1)
        await talk.gather(1, 1, 2)
        agent, user = talk.agents[0], talk.users[0]
        agent.on_text("q.0.1.0 hello")
        assert not talk.faults
        agent.on_text("q.0.1.0 hello")
        agent.on_text("q.0.3.0 hello")
        assert [fault.split(" in ")[0] for fault in talk.faults] == ["a0 heard 1 after 1", "a0 heard 3 after 1"]
        talk.faults.clear()
        user.on_text("r.1.1.0 hello")
        assert talk.faults == ["u0 heard what was for u1"]
        talk.faults.clear()
        assert isinstance(user, Dibs)
        message = b'{"type":"message","store":"s0","user":"u0","seq":%d,"body":{"text":"x"}}'
        user.take(message % (user.number + 2))
        assert talk.faults == [f"u0 heard {user.number} after {user.number - 2}"]
        talk.faults.clear()
        user.take(b'[{"type":"error","code":"overloaded","id":"?"},{"type":"ack","id":"never"}]')
        assert talk.faults == ["u0 was told overloaded", "u0 got an ack for never, which was not asked"]
        talk.faults.clear()
        await talk.close()
        assert not talk.faults


async def test_a_load_that_is_cut_off_says_so(tmp_path):
    server = Server(tmp_path / "data", private=True)
    await server.start()
    faults: list[str] = []
    line = await Dibs.open(Place(server.address, SECRET), Who("agent", "a", "s"), faults)
    server.kill()
    await line.gone.wait()
    assert faults == ["a lost the connection"]


async def test_the_report_has_every_table_and_every_plot_and_loads_nothing():
    lines = {"<before>": [(0.0, 1.5), (99.0, 20.0)], "after": [(0.0, 1.0), (99.0, 10.0)]}
    plots = [Plot(title=f"{across} & {tall}", x="x", y="ms", lines=lines, across=across, tall=tall) for across, tall in LAYOUTS]
    found = Found(rows={"one <row>": {"p99 ms": 1234.5}, "another": {"p50 ms": 0.25}}, plots=plots, broken=["<two> owners"])
    report = Report(machine="a machine", at="now", arguments="share 1", found={"deliver": found, "idle": Found(rows={"all": {"x": 1}})})
    shown = page(report)
    assert shown.count("<svg") == len(LAYOUTS)
    assert shown.count("<table") == 2
    for text in ("one &lt;row&gt;", "1,234", "0.25", "&lt;two&gt; owners", "✗ broken", "✓ kept", "log &amp; even", "&lt;before&gt;"):
        assert text in shown, text
    assert "Promise: every message comes to every receiver, once and in order." in shown
    assert "default-src 'none'" in shown
    assert not re.search(r"<(script|img|link|iframe|image)\b|@import|url\((?!#)", shown)
    assert {name for name in re.findall(r'(?:href|src)="([^"]*)"', shown) if not name.startswith("#")} == set()


LAYOUTS = (("even", "even"), ("even", "log"), ("log", "even"), ("log", "log"), ("nines", "log"))


async def test_waits_are_told_in_milliseconds_and_no_percentile_is_made_of_too_few():
    waits_s = [n / 1000 for n in range(1, 101)]
    assert spread(waits_s, "ack") == {"ack p50 ms": 51.0, "ack p99 ms": 99.99, "ack worst ms": 100.0}
    assert [nines for nines, _ in distribution(waits_s)] == [0, 25, 50, 75, 90, 95, 99]
    assert distribution(waits_s)[-1] == (99, 100.0)


def test_the_command_writes_the_report_and_the_figures_where_it_is_told(tmp_path):
    command = [sys.executable, "-m", "bench.run", "claim", "--share", "0.002", "--out", tmp_path / "there"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads((tmp_path / "there" / "figures.json").read_text())
    assert figures["found"]["claim_race"]["rows"]["race"]["chats"] == 2
    assert "claim_race" in (tmp_path / "there" / "report.html").read_text()
    assert "claim_race" in told.stdout
    for wrong in (["--share", "0"], ["nonsense"], ["--out", ROOT / "README.md"]):
        told = subprocess.run([*command[:3], *wrong], cwd=ROOT, capture_output=True, text=True, check=False)
        assert told.returncode == 2
        assert told.stderr.strip().splitlines()[-1].startswith("make bench: error: ")
