"""What puts dibs beside others: the languages of the peers, the table of ratios, and the harness that is not there."""

import pytest
from rich.console import Console

from bench.found import Found
from bench.line import Place, Who
from bench.peers.harness import measured
from bench.peers.run import beside, medians, table
from bench.peers.server import Missing, running
from bench.peers.tongue import TONGUES, Plain, SocketIo

pytestmark = pytest.mark.anyio


def spoken(kind):
    """A line without a socket, what it said, what it heard, and what was wrong."""
    faults, said, heard = [], [], []
    line = kind(Place("127.0.0.1:1"), Who("user", "u", "s"), faults)
    line.say = said.append
    line.on_text, line.on_ack = heard.append, lambda _: heard.append("ack")
    return line, said, heard, faults


async def test_socket_io_is_spoken_over_a_bare_web_socket():
    line, said, heard, faults = spoken(SocketIo)
    assert line.url() == "ws://127.0.0.1:1/socket.io/?EIO=4&transport=websocket"
    for told in (b'0{"sid":"x"}', b'40{"sid":"y"}', b'42["ready"]', b"2"):
        line.take(memoryview(told))
    assert line.ready.done()
    line.ask("q.1")
    line.take(memoryview(b'42["message",{"store":"s","text":"r.1"}]'))
    line.take(memoryview(b'431["1-0"]'))
    assert said == [b'40{"role":"user","id":"u","store":"s"}', b"3", b'421["message",{"to":null,"text":"q.1"}]']
    assert heard == ["r.1", "ack"]
    assert not faults
    line.take(memoryview(b"431[]"))
    line.take(memoryview(b'44{"message":"no"}'))
    assert faults == ["u got an ack for nothing", 'u was told b\'44{"message":"no"}\'']


async def test_plain_json_is_spoken():
    line, said, heard, faults = spoken(Plain)
    assert line.url() == "ws://127.0.0.1:1/ws?role=user&id=u&store=s"
    line.take(memoryview(b'{"type":"ready"}'))
    assert line.ready.done()
    line.answer("u7", "r.1")
    line.take(memoryview(b'{"type":"message","text":"q.2"}'))
    line.take(memoryview(b'{"type":"ack","id":1}'))
    assert said == [b'{"id":1,"to":"u7","text":"r.1"}']
    assert heard == ["q.2", "ack"]
    assert not faults


async def test_the_median_of_each_figure_stands_beside_that_of_dibs():
    def round_of(deliveries, cpu):
        row = {
            "deliveries a second": deliveries,
            "to agents p50 ms": 1.0,
            "to agents p99 ms": 2.0,
            "server CPU s for 1,000 deliveries": cpu,
        }
        return Found(rows={"window 1": row})

    ours = medians([round_of(n, 0.1) for n in (100, 900, 300)])
    theirs = medians([round_of(n, 0.2) for n in (150, 150, 100)])
    rows = beside({"dibs": ours, "socketio": theirs}).rows
    assert rows["window 1: dibs"]["deliveries a second"] == 300
    assert rows["window 1: socketio"]["deliveries, dibs to it"] == 2
    assert rows["window 1: socketio"]["CPU, dibs to it"] == 0.5
    assert table(Found(rows=rows)).row_count == 2


async def test_a_harness_that_is_not_there_is_told_in_a_sentence(tmp_path):
    found = await measured(tmp_path, 1, Console(quiet=True))
    assert found.broken == [f"HARNESS={tmp_path} has no run.py and no harness/base.py"]


@pytest.mark.parametrize("peer", [peer for peer in TONGUES if peer != "dibs"])
async def test_a_peer_that_is_not_installed_is_told_in_a_sentence(peer, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.peers.server.HERE", tmp_path)
    monkeypatch.setattr("bench.peers.server.PYTHON", tmp_path / "python")
    with pytest.raises(Missing, match="needs"):
        async with running(peer, tmp_path, "no"):
            pass
