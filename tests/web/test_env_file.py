"""The file of variables: lines of NAME=value that win over the environment, and one line about whatever is wrong."""

import time

import pytest

from web.command import main
from web.env_file import Given, read_variables
from web.setting import ConfigError
from web.token import TokenSigner

SECRET = "a secret in a file, of more than 32 letters"


@pytest.fixture(name="file")
def fixture_file(tmp_path):
    path = tmp_path / "env"
    path.write_text(f'# of dibs\n\nDIBS_PORT=9000\n  DIBS_SECRET="{SECRET}"\nDIBS_GRACE = 7\nPATH=/nowhere\n'.replace(" = ", "="))
    return path


def test_its_lines_win_over_the_environment_and_a_flag_wins_over_both(file):
    given = Given({"env_file": str(file), "grace": "3"}, {"DIBS_PORT": "1", "DIBS_RATE": "5", "PATH": "/bin"})
    settings = given.settings()
    assert (settings.port, settings.grace, settings.rate, settings.secret) == (9000, 3, 5, SECRET.encode())
    assert given.variables().keys() == {"DIBS_PORT", "DIBS_SECRET", "DIBS_GRACE", "DIBS_RATE"}


def test_it_is_read_anew_each_time(file):
    given = Given({}, {"DIBS_ENV_FILE": str(file)})
    assert given.settings().port == 9000
    file.write_text("DIBS_PORT=9001\n")
    assert given.settings().port == 9001


@pytest.mark.parametrize("line", ["DIBS_PORT", "=9000", "export DIBS_PORT=9000", f"9={SECRET}"])
def test_a_line_that_is_none_is_named_by_its_number_and_not_repeated(tmp_path, line):
    (tmp_path / "env").write_text(f"DIBS_RATE=1\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_variables({}, str(tmp_path / "env"))
    assert str(caught.value) == f"--env-file: line 2 of {tmp_path / 'env'} must be NAME=value"


def test_every_command_reads_the_file_that_the_variable_names(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DIBS_ENV_FILE", str(file))
    assert main(["token", "--role", "user", "--id", "u1", "--data", str(tmp_path / "data")]) == 0
    assert TokenSigner(SECRET.encode()).verify(capsys.readouterr().out.strip(), time.time()).id == "u1"
    assert not (tmp_path / "data").exists()


def test_a_file_that_cannot_be_read_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DIBS_ENV_FILE", str(tmp_path / "none"))
    assert main(["serve", "--data", str(tmp_path / "data")]) == 2
    assert capsys.readouterr().err == f"dibs: DIBS_ENV_FILE: {tmp_path / 'none'} cannot be read: No such file or directory\n"
