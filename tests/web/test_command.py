"""The command line: one line for people and the right exit status, whatever is typed."""

import subprocess
import sys
import time

import pytest

from web.command import main
from web.token import TokenSigner

SECRET = "x" * 32
AGENT = ["token", "--role", "agent", "--id", "a1", "--store", "s1"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ([], "dibs: say what to do"),
        (["dance"], "dibs: serve|token|chat|doctor|revoke|audit|erase|backup|restore|export: "),
        (["serve", "--prot", "1"], "dibs: unrecognized arguments: --prot 1"),
        (["serve", "--port"], "dibs: --port: expected one argument"),
        (["serve", "--port", "abc"], "dibs: --port: must be a whole number"),
        (["serve", "--po", "1"], "dibs: unrecognized arguments"),
        (["serve", "--workers", "65"], "dibs: --workers: must be a whole number from 1 to 64"),
        (["serve", "--env-file", "nowhere"], "dibs: --env-file: nowhere cannot be read: No such file or directory"),
        (["serve", "--host", "0.0.0.0"], "dibs: --host: "),
        (["serve", "--\n\x1b[31m"], "dibs: unrecognized arguments"),
        (["token"], "dibs: the following arguments are required: --role, --id"),
        (["token", "--role", "admin", "--id", "x"], "dibs: token: the role must be"),
        (["token", "--role", "agent", "--id", "x"], "dibs: token: an agent and a supervisor must have"),
        (["token", "--role", "user", "--id", "a b"], "dibs: token: the id must be"),
        ([*AGENT, "--store", "s/2"], "dibs: token: a store must be"),
        ([*AGENT, "--name", "a\nb"], "dibs: token: the name must be"),
        ([*AGENT, "--ttl", "soon"], "dibs: --ttl: must be a time"),
        ([*AGENT, "--ttl", "0s"], "dibs: --ttl: must be a time"),
        ([*AGENT, "--ttl", "999999d"], "dibs: --ttl: must be a time"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_status_2(arguments, start, capsys, tmp_path):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(start)
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_variable_is_named_when_it_is_wrong(monkeypatch, capsys):
    monkeypatch.setenv("DIBS_PORT", "abc")
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.startswith("dibs: DIBS_PORT: must be")


def test_a_short_secret_is_refused_by_both_commands_and_not_shown(monkeypatch, capsys):
    monkeypatch.setenv("DIBS_SECRET", "hunter2")
    for arguments in (["serve"], AGENT):
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert err.startswith("dibs: DIBS_SECRET: ")
        assert "hunter2" not in err


def test_a_token_is_signed_with_the_given_secret(monkeypatch, capsys):
    monkeypatch.setenv("DIBS_SECRET", SECRET)
    assert main([*AGENT, "--store", "s2", "--name", "李娜", "--ttl", "90s"]) == 0
    out, err = capsys.readouterr()
    identity = TokenSigner(SECRET.encode()).verify(out.strip(), time.time())
    assert (identity.role, identity.id, identity.name, identity.stores) == ("agent", "a1", "李娜", {"s1", "s2"})
    assert 80 < identity.expires_s - time.time() < 95
    assert err == ""


def test_a_token_of_an_operator_needs_no_store_and_may_name_some(monkeypatch, capsys):
    monkeypatch.setenv("DIBS_SECRET", SECRET)
    for stores, flags in ((None, []), ({"s1"}, ["--store", "s1"])):
        assert main(["token", "--role", "operator", "--id", "ops", *flags]) == 0
        identity = TokenSigner(SECRET.encode()).verify(capsys.readouterr().out.strip(), time.time())
        assert (identity.role, identity.id, identity.stores) == ("operator", "ops", stores)
        assert abs(identity.issued_s - time.time()) < 30


def test_a_token_without_a_secret_makes_the_one_that_serve_would_use(tmp_path, capsys):
    assert main(["token", "--role", "user", "--id", "u1", "--data", "here"]) == 0
    out, err = capsys.readouterr()
    assert "secret_made" in err
    secret = (tmp_path / "here" / "secret").read_bytes().strip()
    assert TokenSigner(secret).verify(out.strip(), time.time()).stores is None


def test_dibs_data_names_the_directory_for_tokens_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DIBS_DATA", "there")
    assert main(["token", "--role", "user", "--id", "u1"]) == 0
    assert (tmp_path / "there" / "secret").exists()


def test_a_data_directory_that_cannot_be_made_is_exit_status_1(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*AGENT, "--data", "file/data"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("dibs: the secret ")
    assert err.count("\n") == 1


def test_help_and_version_end_well_and_the_help_has_every_flag(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "dibs 0.1.0\n"
    assert main(["serve", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(flag in out for flag in ("--host", "--redis-server", "--agent-limit", "--log-format", "--no-demo"))


def test_the_installed_program_exits_with_the_status_and_no_traceback():
    done = subprocess.run(
        [sys.executable, "-c", "from web.command import main; raise SystemExit(main())", "serve", "--port", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "dibs: --port: must be a whole number from 0 to 65535, not 'x'\n"
