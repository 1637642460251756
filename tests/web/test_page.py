"""How the pages are served: whole, with a policy that lets nothing in but their own parts, and not twice to whoever has them."""

import gzip
import http.client
import re

import pytest

from tests.wire.server import Server
from web.page.door import FOLDER, PAGES, PARTS, policy


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("p") / "data").running() as started:
        yield started


def get(server, path, **headers):
    connection = http.client.HTTPConnection(server.address, timeout=8)
    try:
        connection.request("GET", path, headers={"Connection": "close"} | headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_served_with_a_policy_that_lets_in_only_its_own_parts(server, path):
    status, headers, body = get(server, path)
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    said = headers["Content-Security-Policy"]
    assert said == policy(server.address)
    rules = dict(rule.strip().split(" ", 1) for rule in said.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == "'none'"
    assert rules["connect-src"] == f"'self' ws://{server.address} wss://{server.address}"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(rb"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", body)


def test_whatever_the_pages_and_their_modules_name_is_there(server):
    for path in PAGES:
        for name in re.findall(r'(?:href|src)="([^"]+)"', get(server, path)[2].decode()):
            assert get(server, f"/{name}")[0] == 200, name
    for part in PARTS:
        status, _, body = get(server, f"/page/{part}")
        assert status == 200
        assert body == (FOLDER / part).read_bytes()
        for name in re.findall(r'^(?:import|export) (?:.* from )?"([^"]+)"', body.decode(), re.MULTILINE):
            found = (FOLDER / part).parent.joinpath(name).resolve()
            assert found.exists() or found.name.startswith("dibs-"), f"{part} imports {name}"


def test_whoever_has_a_part_is_told_so_and_whoever_can_unpack_gets_it_packed(server):
    _, headers, body = get(server, "/page/agent/main.js", **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(body) == (FOLDER / "agent/main.js").read_bytes()
    again = get(server, "/page/agent/main.js", **{"Accept-Encoding": "gzip", "If-None-Match": headers["ETag"]})
    assert (again[0], again[2]) == (304, b"")


def test_no_part_makes_markup_of_text():
    for part in PARTS:
        text = (FOLDER / part).read_text("utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), part


@pytest.mark.parametrize("host", ["a b", "x;script-src *", "", "x'y"])
def test_a_host_that_is_none_gets_into_no_policy(host):
    assert policy(host) == policy("")
