"""What is handed out is whole, and the chat that `make package` has in empty environments works with the commands of this one."""

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.package.build import build, contents, sources
from tests.package.chat import chat
from tests.package.pin import ROOT
from tests.package.run import main


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package") / "dist")


def test_the_wheel_has_every_file_of_the_packages_and_no_other(built):
    _, wheel = built
    assert contents(wheel) == sources()
    kinds = {Path(name).suffix for name in contents(wheel)}
    assert {".py", ".lua", ".html", ".css"} <= kinds, "scripts and pages are what builders forget"
    for name in contents(wheel):
        with zipfile.ZipFile(wheel) as archive:
            assert archive.read(name) == (ROOT / name).read_bytes(), name


def test_the_wheel_brings_the_command(built):
    with zipfile.ZipFile(built[1]) as archive:
        (entry_points,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt"))
    assert "dibs = web.command:main" in entry_points


def test_from_the_sdist_comes_the_same_wheel_and_its_tests_are_in_it(built, tmp_path):
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # not before 3.11.4
    (source,) = tmp_path.iterdir()
    _, wheel = build(tmp_path / "dist", source)
    assert wheel.read_bytes() == built[1].read_bytes()
    for name in ("Makefile", "requirements.lock", "README.md", "LICENSE", "tests/conftest.py", ".ci/run", "docs/example/bot.py"):
        assert (source / name).is_file(), name


def test_a_user_and_an_agent_chat_by_the_installed_commands_alone(tmp_path):
    chat(Path(sys.executable).with_name("dibs"), tmp_path)


def test_a_python_that_is_not_there_is_said_and_one_that_fails_fails_the_whole(tmp_path, capsys):
    assert main(["3.99="], tmp_path / "dist") == 0
    assert "Python 3.99: not found on PATH or among pyenv's: nothing is installed under it\n" in capsys.readouterr().out
    assert main(["3.98=/bin/false", "3.99="], tmp_path / "dist") == 1
    said = capsys.readouterr().out
    assert "Python 3.98: FAILED" in said
    assert "Python 3.99: not found" in said
