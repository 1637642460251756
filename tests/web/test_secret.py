"""The secret: given, kept, or made once, whoever races."""

import io
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from web.log import make_log
from web.secret import load_secret
from web.setting import StartError


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def log(said):
    return make_log("debug", "json", said)


def test_a_given_secret_is_used_and_no_file_is_made(tmp_path, log):
    assert load_secret(b"g" * 32, tmp_path / "data", log) == b"g" * 32
    assert not (tmp_path / "data").exists()


def test_a_missing_secret_is_made_with_mode_600_told_of_once_and_found_again(tmp_path, log, said):
    secret = load_secret(None, tmp_path / "a" / "data", log)
    path = tmp_path / "a" / "data" / "secret"
    assert len(secret) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_secret(None, path.parent, log) == secret
    assert said.getvalue().count("secret_made") == 1
    assert secret.decode() not in said.getvalue()
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_racing_starts_agree_on_one_secret(tmp_path, log, said):
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: load_secret(None, tmp_path / "data", log), range(64)))
    assert len(found) == 1
    assert said.getvalue().count("secret_made") == 1


def test_a_file_with_a_short_secret_is_refused_without_showing_it(tmp_path, log):
    (tmp_path / "secret").write_text("hunter2\n")
    with pytest.raises(StartError) as caught:
        load_secret(None, tmp_path, log)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_others_can_read_is_used_with_a_warning(tmp_path, log, said):
    (tmp_path / "secret").write_text("x" * 40)
    (tmp_path / "secret").chmod(0o644)
    assert load_secret(None, tmp_path, log) == b"x" * 40
    assert "secret_readable_by_others" in said.getvalue()


def test_a_data_directory_that_is_a_file_is_one_clear_line(tmp_path, log):
    (tmp_path / "data").write_text("")
    with pytest.raises(StartError) as caught:
        load_secret(None, tmp_path / "data", log)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "data") in str(caught.value)
