"""What the documents hand to whoever runs dibs: units for systemd, a compose file, a balancer's configuration. Each is given to the program
that reads it, and what it has dibs started with to dibs.

A program that is missing here skips its test, and fails it in CI.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.balancer import ADDRESSES, CONFIG, NODE_PORT, PORT, REDIS_PORT
from tests.faults.process import Redis
from tests.wire.server import ROOT, SECRET, Server
from web.command import _parser
from web.setting import OPTIONS, Settings, read_settings

DOCS = ROOT / "docs"
UNITS = ("dibs.service", "dibs-node.service")
COMPOSE = (DOCS / "compose.yaml").read_text()


def program(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} is missing, and CI brings it"
        pytest.skip(f"no {name} on this machine (on Debian: apt install {package})")
    return found


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=60)


def told(words: list[str], environ: dict[str, str]) -> Settings:
    """What dibs understands by a command line and its variables."""
    arguments = _parser().parse_args(words)
    assert arguments.command == "serve"
    return read_settings({option.field: getattr(arguments, option.field) for option in OPTIONS}, environ)


def commands() -> list[list[str]]:
    """Of the services in the compose file."""
    return [json.loads(found) for found in re.findall(r"^ +command: (\[.*\])$", COMPOSE, re.MULTILINE)]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_one_that_systemd_takes(name, tmp_path):
    text = (DOCS / name).read_text().replace("/opt/dibs/bin/dibs", sys.executable)
    (tmp_path / "dibs.service").write_text(text)
    done = run(program("systemd-analyze", "systemd"), "verify", tmp_path / "dibs.service")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_dibs_that_takes_what_it_is_given(name):
    unit = (DOCS / name).read_text()
    [words] = [line.removeprefix("ExecStart=").split()[1:] for line in unit.splitlines() if line.startswith("ExecStart=")]
    environ = dict(re.findall(r"^#     (DIBS_\w+)=([^\s,]+)", unit, re.MULTILINE)) | {"DIBS_SECRET": SECRET}
    settings = told(words, environ)
    assert settings.workers > 1
    assert settings.env_file == Path("/etc/dibs/env")
    if name == "dibs-node.service":
        assert settings.redis == f"redis://{ADDRESSES['redis']}"
        assert settings.host == ADDRESSES["node1"]
        assert [str(network) for network in settings.trusted_proxies] == [f"{ADDRESSES['balancer']}/32"]
        assert settings.strict
    assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in unit
    assert "\nKillMode=mixed\n" in unit, "a worker that is told to stop by others than its master is replaced"


def test_the_balancers_configuration_is_one_that_haproxy_takes():
    done = run(program("haproxy", "haproxy"), "-c", "-f", CONFIG)
    assert (done.returncode, done.stderr.replace("Configuration file is valid\n", "")) == (0, "")


def test_the_compose_file_is_one_that_compose_takes_and_only_with_a_secret():
    compose = program("docker-compose", "docker-compose"), "-f", DOCS / "compose.yaml", "config", "--quiet"
    done = run(*compose, DIBS_SECRET=SECRET)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(*compose, DIBS_SECRET="")
    assert done.returncode
    assert "set it to 32 bytes at least" in done.stderr


def test_the_compose_file_starts_a_dibs_that_takes_what_it_is_given():
    [words] = [words for words in commands() if words[0] == "serve"]
    settings = told(words, {"DIBS_SECRET": SECRET})
    assert settings.port == NODE_PORT == Settings().port
    assert settings.redis == "redis://redis"
    assert [str(network) for network in settings.trusted_proxies] == [f"{ADDRESSES['balancer']}/32"]


def test_the_compose_file_has_a_server_below_that_keeps_what_it_acknowledged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")  # short: there are sockets in it
    [words] = [words for words in commands() if words[0] == "valkey-server"]
    with Redis(folder / "r", *words[1:]) as redis:
        server = Server(folder / "n", redis=redis.url)
        server.environ["DIBS_STRICT"] = "1"
        with server.running():
            assert "survives kill -9 of any process and a power cut" in server.http_blocking("/readyz")[1]


def test_the_compose_file_has_everybody_where_the_balancer_looks_and_the_tests_run_them():
    found = dict(re.findall(r"^  (\w+):\n(?:    .*\n)+?        ipv4_address: (\S+)$", COMPOSE, re.MULTILINE))
    assert found == ADDRESSES
    balanced = dict(re.findall(r"^    server (\w+) (\S+)$", CONFIG.read_text(), re.MULTILINE))
    assert balanced == {name: f"{address}:{NODE_PORT}" for name, address in ADDRESSES.items() if name.startswith("node")}
    assert f'ports: ["8080:{PORT}"]' in COMPOSE
    assert f"bind :{PORT}\n" in CONFIG.read_text()
    assert REDIS_PORT == 6379, "the one that redis:// means"


def test_the_image_has_all_that_the_package_is_built_from():
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", (DOCS / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in names)
    let_in = re.findall(r"^!(\S+)$", (DOCS / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert names == set(let_in)
    wheel = re.search(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert wheel is not None
    assert {name.strip(' "') for name in wheel[1].split(",")} | {"pyproject.toml", "README.md", "LICENSE", "requirements.lock"} == names
