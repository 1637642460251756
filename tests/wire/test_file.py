"""Files on a real server: how they come, what is taken, who may read them, and how they are served."""

import http.client
import io
import json
import socket
import time
import zipfile
from urllib.parse import quote, urlencode

import anyio
import attrs
import pytest
from PIL import Image
from web.file.signature import FileSigner
from web.token import TokenSigner

from tests.wire.conftest import Mall, fresh
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio

TEXT = "你好, a text\n".encode()


def picture(format="PNG", size=(7, 5)):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, format)
    return file.getvalue()


def archive(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name in names:
            written.writestr(name, "x")
    return file.getvalue()


@attrs.frozen
class Said:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["code"]


def ask(server, method, path, token=None, body=None, **headers):
    connection = http.client.HTTPConnection(server.address, timeout=15)
    try:
        connection.request(method, path, body, ({"Authorization": f"Bearer {token}"} if token else {}) | headers)
        answer = connection.getresponse()
        return Said(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def upload(server, token, store, data, name="a.png", **fields):
    return ask(server, "POST", "/files?" + urlencode({"store": store, "name": name} | fields), token, data)


def sign(server, token, *urls):
    return ask(server, "POST", "/files/sign", token, json.dumps({"urls": urls}).encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("file") / "data"
    with Server(data, files=data.parent / "files").running() as server:
        yield server


@pytest.fixture
async def mall(server):
    mall = Mall(server)
    await mall.found()
    yield mall
    await mall.close()


def user_of(mall, id=None):
    id = id or fresh("u")
    return id, mall.server.token("user", id)


def agent_of(mall, role="agent"):
    return mall.server.token(role, fresh("a"), stores=[mall.store])


@pytest.mark.parametrize(
    ("data", "name", "type", "size"),
    [
        (picture(), "a.png", "image/png", (7, 5)),
        (picture("JPEG", (9, 4)), "a.jpeg", "image/jpeg", (9, 4)),
        (picture("GIF", (3, 2)), "a.gif", "image/gif", (3, 2)),
        (picture("WEBP", (11, 6)), "a.webp", "image/webp", (11, 6)),
        (b"%PDF-1.7\n", "a.pdf", "application/pdf", None),
        (TEXT, "a.txt", "text/plain", None),
        (archive("one"), "a.zip", "application/zip", None),
        (archive("[Content_Types].xml", "word/a"), "a.docx", None, None),
        (archive("[Content_Types].xml", "xl/a"), "a.xlsx", None, None),
        (archive("[Content_Types].xml", "ppt/a"), "a.pptx", None, None),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
async def test_a_file_is_known_by_its_content_and_comes_back_byte_for_byte(mall, data, name, type, size):
    id, token = user_of(mall)
    answer = upload(mall.server, token, mall.store, data, name)
    assert answer.status == 201, answer
    told = answer.json
    assert (told["size"], told["name"]) == (len(data), name)
    assert type in (None, told["type"])
    assert (told.get("width"), told.get("height")) == (size or (None, None))
    assert told["url"].startswith(f"/files/{mall.store}/{id}/")
    signed = sign(mall.server, token, told["url"]).json["urls"][told["url"]]
    read = ask(mall.server, "GET", signed)
    assert (read.status, read.body) == (200, data)
    assert read.headers["content-type"].partition(";")[0] == told["type"]
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert read.headers["cross-origin-resource-policy"] == "cross-origin"
    assert read.headers["access-control-allow-origin"] == "*"
    assert read.headers["cache-control"].startswith("private, max-age=")
    assert read.headers["content-disposition"].partition(";")[0] == ("inline" if size else "attachment")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html><script>alert(1)</script>", "a.txt"),
        (b"#!/bin/sh\n", "a"),
        (b"alert(1)", "a.js"),
        (b"words", "a.html"),
        (picture(), "a.pdf"),
        (b"words", "a.png"),
        (picture()[:20], "a.png"),
        (b"RIFF\x10\0\0\0WEBPVP8X", "a.webp"),
        (b"PK\x03\x04rubbish", "a.zip"),
        (archive("[Content_Types].xml", "word/a", "word/vbaProject.bin"), "a.docx"),
        (b"\x00\x01\x02", "a.txt"),
        (b"\xff\xfe\xfd", "a.txt"),
        (b"\0\0\0\x18ftypmp42", "a.mp4"),
        (b"MZ\x90\0", "a.exe"),
    ],
)
async def test_what_lies_about_its_type_or_could_run_is_not_taken(mall, data, name):
    _, token = user_of(mall)
    answer = upload(mall.server, token, mall.store, data, name)
    assert (answer.status, answer.code) == (415, "unsupported")


async def test_a_picture_that_is_also_a_page_is_served_as_a_picture_in_an_empty_sandbox(mall):
    data = picture("GIF") + b"/*<html><script>alert(1)</script>*/=1;"
    _, token = user_of(mall)
    url = upload(mall.server, token, mall.store, data, "a.gif").json["url"]
    read = ask(mall.server, "GET", url + "?name=a.html", token)
    assert (read.headers["content-type"], read.headers["x-content-type-options"]) == ("image/gif", "nosniff")
    assert "sandbox" in read.headers["content-security-policy"]
    assert "a.html.gif" in read.headers["content-disposition"]


async def test_each_side_of_the_chat_reads_and_nobody_else(mall):
    user = await mall.user()
    await user.say("hello")
    token = mall.server.token("user", user.id)
    url = upload(mall.server, agent_of(mall), mall.store, TEXT, "a.txt", user=user.id).json["url"]
    other = Mall(mall.server)
    await other.found()
    for may in (token, agent_of(mall), agent_of(mall, "supervisor")):
        assert url in sign(mall.server, may, url).json["urls"]
        assert ask(mall.server, "GET", url, may).body == TEXT
    strangers = [user_of(mall)[1], agent_of(other), agent_of(other, "supervisor"), mall.server.token("user", user.id, stores=["else"])]
    for may_not in strangers:
        assert sign(mall.server, may_not, url).json["urls"] == {}
        assert (ask(mall.server, "GET", url, may_not).status, ask(mall.server, "GET", url, may_not).code) == (403, "forbidden")
        assert upload(mall.server, may_not, mall.store, TEXT, "a.txt", user=user.id).status == 403
    assert ask(mall.server, "GET", url, mall.server.token("operator", "ops")).status == 403
    assert ask(mall.server, "GET", url).status == 403
    assert ask(mall.server, "GET", url, "rubbish").status == 401
    assert ask(mall.server, "GET", url, mall.server.token("user", user.id, ttl_s=-60)).status == 401
    await other.close()


async def test_a_signature_is_good_for_one_file_one_name_and_its_time(mall):
    _, token = user_of(mall)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    second = upload(mall.server, token, mall.store, TEXT * 2, "a.txt").json["url"]
    answer = sign(mall.server, token, {"url": url, "name": "b.txt"}).json
    good = answer["urls"][url]
    assert abs(answer["until"] / 1000 - time.time() - 600) < 5
    assert ask(mall.server, "GET", good).status == 200
    for bad in (
        good.replace(url, second),
        good.replace("b.txt", "c.txt"),
        good.replace(str(answer["until"]), str(answer["until"] + 1)),
        good.replace(str(answer["until"]), "1"),
        good.replace(str(answer["until"]), "x"),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.partition("&signature")[0] + "&signature=",
        good.partition("&signature")[0] + "&signature=%E4%BD%A0",
    ):
        assert ask(mall.server, "GET", bad).status == 403, bad


async def test_an_address_ends(mall):
    _, token = user_of(mall)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    signer, now = FileSigner(TokenSigner(SECRET.encode())), round(time.time() * 1000)
    assert ask(mall.server, "GET", signer.sign(url, "a.txt", now + 60_000)).status == 200
    assert ask(mall.server, "GET", signer.sign(url, "a.txt", now - 1)).status == 403


async def test_who_may_send_where(mall):
    id, token = user_of(mall)
    assert upload(mall.server, token, fresh("s"), TEXT, "a.txt").code == "no_such_store"
    assert upload(mall.server, agent_of(mall), mall.store, TEXT, "a.txt", user=id).code == "not_found"
    assert upload(mall.server, agent_of(mall), mall.store, TEXT, "a.txt").code == "bad_request"
    assert upload(mall.server, None, mall.store, TEXT, "a.txt").code == "unauthorized"
    assert upload(mall.server, mall.server.token("operator", "o"), mall.store, TEXT, "a.txt").code == "forbidden"
    assert upload(mall.server, token, mall.store, b"", "a.txt").code == "bad_request"
    assert upload(mall.server, token, mall.store, TEXT, "").code == "bad_request"
    assert upload(mall.server, token, "a/../b", TEXT, "a.txt").code == "bad_request"
    assert upload(mall.server, token, mall.store, TEXT, "a.txt", user="x").code == "forbidden"


@pytest.mark.parametrize("id", [".", "..", "A~b", "a.B"])
async def test_an_id_that_looks_like_a_path_leads_nowhere_else(mall, id):
    token = mall.server.token("user", id)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    assert ask(mall.server, "GET", url, token).body == TEXT
    assert url in sign(mall.server, token, url).json["urls"]
    root = mall.server.data.parent / "files"
    assert len([path for path in root.rglob(url[-68:]) if path.parent.parent == root / mall.store]) == 1
    assert not list(root.glob("*.txt")), "it led upwards"


@pytest.mark.parametrize("name", ["../../secret", "..%2f..%2fsecret", "a" * 64 + ".svg", "A" * 64 + ".png", "%00" * 64 + ".png"])
async def test_what_is_no_name_of_a_file_is_not_looked_for(mall, name):
    id, token = user_of(mall)
    assert ask(mall.server, "GET", f"/files/{mall.store}/{id}/{name}", token).status == 404
    assert sign(mall.server, token, f"/files/{mall.store}/{id}/{name}").json["urls"] == {}


async def test_a_name_in_any_script_comes_back_and_breaks_no_header(mall):
    _, token = user_of(mall)
    name = '报"价;\r\nX-Evil: 1\u202egnp.txt'
    told = upload(mall.server, token, mall.store, TEXT, name).json
    assert told["name"] == '报"价;__X-Evil: 1_gnp.txt'
    signed = sign(mall.server, token, {"url": told["url"], "name": name}).json["urls"][told["url"]]
    read = ask(mall.server, "GET", signed)
    assert "x-evil" not in read.headers
    shown = quote(told["name"], safe="")
    assert read.headers["content-disposition"] == f"attachment; filename=\"___;__X-Evil: 1_gnp.txt\"; filename*=UTF-8''{shown}"


async def test_ten_megabytes_are_taken_and_one_byte_more_is_not(mall):
    _, token = user_of(mall)
    whole = b"%PDF-" + bytes(9_999_995)
    assert upload(mall.server, token, mall.store, whole, "a.pdf").status == 201
    assert upload(mall.server, token, mall.store, whole + b"x", "a.pdf").code == "too_large"
    pieces = iter([whole, b"x"])
    assert upload(mall.server, token, mall.store, pieces, "a.pdf").code == "too_large", "and without a length as well"
    assert ask(mall.server, "POST", "/visitor", None, b"x" * 70_000).status == 413


async def test_half_a_file_leaves_nothing(mall):
    id, token = user_of(mall)
    host, _, port = mall.server.address.rpartition(":")
    with socket.create_connection((host, int(port))) as half:
        head = (
            f"POST /files?store={mall.store}&name=a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n"
        )
        half.sendall(head.encode() + b"half")
    assert upload(mall.server, token, mall.store, TEXT, "a.txt").status == 201
    files = mall.server.data.parent / "files"
    assert [path.read_bytes() for path in (files / mall.store / id).iterdir()] == [TEXT]
    assert oct((files / mall.store / id).stat().st_mode)[-3:] == "700"
    assert {oct(path.stat().st_mode)[-3:] for path in (files / mall.store / id).iterdir()} == {"600"}


async def test_pages_of_other_origins_may_ask(mall):
    for path in ("/files", "/files/sign", "/files/s/u/x.png"):
        answer = ask(mall.server, "OPTIONS", path, Origin="https://shop.example")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "*")
        assert "Authorization" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"urls":1}', b'{"urls":[1]}', b"\xff", b'{"urls":["/files"' + b',"x"' * 64 + b"]}"])
async def test_rubbish_is_not_signed(mall, body):
    assert ask(mall.server, "POST", "/files/sign", user_of(mall)[1], body).code == "bad_request"


async def test_addresses_that_are_none_are_missing(mall):
    urls = [
        "",
        "/",
        "/files",
        "/files/a/b",
        "https://x/files/a/b/c",
        "//files/a/b/c",
        "/files/../../etc/passwd",
        "/x/a/b/" + "0" * 64 + ".png",
    ]
    assert sign(mall.server, user_of(mall)[1], *urls).json["urls"] == {}


async def test_a_quota_holds_on_all_nodes_and_a_file_that_is_sent_again_costs_nothing(own_server, tmp_path):
    mall = await own_server(file_quota=1, files=tmp_path / "shared")
    await mall.found()
    other = Server(tmp_path / "other" / "data", redis=mall.server.valkey_url(), file_quota=1, files=tmp_path / "shared")
    other.data.mkdir(parents=True)
    with other.running():
        _, token = user_of(mall)
        big = b"%PDF-" + bytes(700_000)
        url = upload(mall.server, token, mall.store, big, "a.pdf").json["url"]
        assert ask(other, "GET", url, token).body == big
        assert upload(other, token, mall.store, big, "a.pdf").status == 201
        answer = upload(other, token, mall.store, big + b"x", "a.pdf")
        assert (answer.status, answer.code) == (429, "quota")
        assert int(answer.headers["retry-after"]) > 0
        assert upload(other, user_of(mall)[1], mall.store, big, "a.pdf").status == 201


async def test_too_many_at_once_are_told_when_to_come_again(mall):
    _, token = user_of(mall)
    answers = [upload(mall.server, token, mall.store, TEXT, "a.txt") for _ in range(12)]
    refused = next(answer for answer in answers if answer.status != 201)
    assert (refused.code, refused.headers["retry-after"]) == ("rate_limited", "1")


async def test_an_address_outlives_a_change_of_the_secret(own_server, tmp_path):
    mall = await own_server(files=tmp_path / "files")
    await mall.found()
    _, token = user_of(mall)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    signed = sign(mall.server, token, url).json["urls"][url]
    mall.server.environ = {"DIBS_SECRET": "another" + SECRET, "DIBS_SECRET_OLD": SECRET}
    await mall.server.restart()
    assert ask(mall.server, "GET", signed).body == TEXT
    mall.server.environ = {"DIBS_SECRET": "another" + SECRET}
    await mall.server.restart()
    assert ask(mall.server, "GET", signed).status == 403


async def test_erasing_a_chat_erases_its_files(mall):
    user = await mall.user()
    await user.say("hello")
    token = mall.server.token("user", user.id)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    signed = sign(mall.server, token, url).json["urls"][url]
    body = json.dumps({"store": mall.store, "user": user.id}).encode()
    assert ask(mall.server, "POST", "/operator/erase", mall.server.token("operator", "ops"), body).status == 200
    assert ask(mall.server, "GET", signed).status == 404
    assert not (mall.server.data.parent / "files" / mall.store / user.id).exists()


async def test_without_a_place_no_files_are_taken(own_server):
    mall = await own_server(files="none")
    await mall.found()
    answer = upload(mall.server, user_of(mall)[1], mall.store, TEXT, "a.txt")
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_full_place_harms_nothing(own_server, server, tmp_path):
    """A limit on the size of a file stands for a disk without room: writing fails half way in the same manner."""
    mall = await own_server(files=tmp_path / "files", redis=server.valkey_url())
    await mall.found()
    mall.server.within = ("prlimit", "--fsize=2000000")
    await mall.server.restart()
    _, token = user_of(mall)
    answer = upload(mall.server, token, mall.store, b"%PDF-" + bytes(4_000_000), "a.pdf")
    assert (answer.status, answer.code) == (507, "full")
    assert list((tmp_path / "files" / ".part").iterdir()) == []
    assert upload(mall.server, token, mall.store, TEXT, "a.txt").status == 201
    user = await mall.user()
    await user.say("and the chat goes on")


async def send(person, kind, body, **fields):
    answer = await person.command("send", store=person.store, kind=kind, body=body, **fields)
    assert answer["type"] == "ack", answer


async def test_a_visitor_who_signs_in_keeps_its_files_and_a_text_stays_as_it_was_written(own_server, tmp_path):
    mall = await own_server(files=tmp_path / "files")
    mall.server.environ["DIBS_VISITORS"] = "on"
    await mall.server.restart()
    await mall.found()
    visitor = ask(mall.server, "POST", "/visitor", None, json.dumps({"store": mall.store}).encode()).json
    person = await mall.kind.open(mall.server, visitor["token"])
    person.store = mall.store
    mall.people.append(person)
    url = upload(mall.server, visitor["token"], mall.store, TEXT, "a.txt").json["url"]
    unsaid = upload(mall.server, visitor["token"], mall.store, TEXT * 2, "b.txt").json["url"]
    await send(person, "file", {"url": url, "name": "a.txt"})
    await send(person, "text", {"text": f"see {url}"})
    user = await mall.dial()
    user.id, user.role, user.store = fresh("u"), "user", mall.store
    user.checker.role, user.checker.agent = "user", False
    token = mall.server.token("user", user.id)
    await user.send_raw(json.dumps({"type": "hello", "token": token, "visitor": visitor["token"]}))
    await user.expect("ready")
    first, second = [frame["body"] for frame in (await user.history())["messages"]]
    mine = url.replace(visitor["id"], user.id)
    assert (first["url"], second["text"]) == (mine, f"see {url}")
    assert ask(mall.server, "GET", mine, token).body == TEXT
    assert ask(mall.server, "GET", unsaid.replace(visitor["id"], user.id), token).status == 404
    assert ask(mall.server, "GET", url, token).status == 403


async def test_a_file_whose_messages_are_gone_goes_and_one_that_is_named_again_stays(own_server, tmp_path):
    mall = await own_server(files=tmp_path / "files", keep_days=3 / 86_400)
    await mall.found()
    user = await mall.user()
    token = mall.server.token("user", user.id)
    old, again = (upload(mall.server, token, mall.store, TEXT * n, "a.txt").json["url"] for n in (1, 2))
    for url in (old, again):
        await send(user, "file", {"url": url, "name": "a.txt"})
    deadline = time.monotonic() + 30
    while ask(mall.server, "GET", old, token).status == 200:
        assert time.monotonic() < deadline
        await send(user, "file", {"url": again, "name": "a.txt"})
        await anyio.sleep(0.3)
    assert ask(mall.server, "GET", again, token).body == TEXT * 2
