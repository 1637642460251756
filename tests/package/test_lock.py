"""One set of versions, whoever installs: pip by requirements.lock, uv by the constraints in pyproject.toml, and what is installed here."""

import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.requirements import Requirement

from tests.package.pin import HEAD, LOCK, PROJECT, pin, pins

LOCKED = [Requirement(line) for line in pins()]
DOCUMENT = tomllib.loads(PROJECT.read_text())
ASKED = [Requirement(line) for line in [*DOCUMENT["project"]["dependencies"], *DOCUMENT["dependency-groups"]["dev"]]]


def test_uv_is_held_to_what_pip_installs():
    assert DOCUMENT["tool"]["uv"]["constraint-dependencies"] == pins()


def test_every_line_of_the_lock_is_one_version_of_one_package():
    assert all([specifier.operator for specifier in line.specifier] == ["=="] for line in LOCKED)
    names = [line.name for line in LOCKED]
    assert names == sorted(set(names))


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_what_the_project_asks_for_is_in_the_lock_in_a_version_that_it_allows(asked):
    (locked,) = (line for line in LOCKED if line.name == asked.name)
    (pinned,) = locked.specifier
    assert asked.specifier.contains(pinned.version)


@pytest.mark.parametrize("locked", LOCKED, ids=lambda locked: locked.name)
def test_the_version_of_the_lock_is_installed_here(locked):
    try:
        installed = version(locked.name)
    except PackageNotFoundError:
        installed = None
    wanted = locked.marker is None or locked.marker.evaluate()
    assert installed == (next(iter(locked.specifier)).version if wanted else None)


def test_a_new_lock_reaches_the_project(tmp_path):
    lock, project = tmp_path / "lock", tmp_path / "project"
    project.write_text(PROJECT.read_text())
    lock.write_text("one==1 ; python_version < '4'\ntwo==2\n")
    pin(lock, project)
    document = tomllib.loads(project.read_text())
    assert document["tool"]["uv"].pop("constraint-dependencies") == ["one==1 ; python_version < '4'", "two==2"]
    pin(LOCK, project)
    assert project.read_text() == PROJECT.read_text()
    assert lock.read_text() == HEAD + "one==1 ; python_version < '4'\ntwo==2\n"
    assert LOCK.read_text().startswith(HEAD)
