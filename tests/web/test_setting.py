"""Settings: one table, flags over variables over defaults, one clear line for what does not fit."""

from pathlib import Path

import attrs
import pytest

from web.setting import OPTIONS, ConfigError, Settings, read_settings

SECRET = {"DIBS_SECRET": "x" * 32}


def refusal(flags=None, environ=None):
    with pytest.raises(ConfigError) as caught:
        read_settings(flags or {}, environ or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_anything_the_defaults_of_the_protocol_hold():
    settings = read_settings({}, {})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.data, settings.workers) == ("127.0.0.1", 8000, Path("dibs-data"), 1)
    assert (settings.grace, settings.heartbeat, settings.agent_limit, settings.rate, settings.origins) == (60, 25, 0, 20, ())


def test_every_setting_but_the_secret_has_a_flag_and_a_variable():
    assert {option.field for option in OPTIONS} == {field.name for field in attrs.fields(Settings)} - {"secret", "secret_old"}
    assert {option.flag for option in OPTIONS} >= {"--agent-limit", "--redis-server", "--log-format"}
    assert {option.variable for option in OPTIONS} >= {"DIBS_AGENT_LIMIT", "DIBS_REDIS_SERVER", "DIBS_DEMO"}


def test_the_old_secret_is_refused_when_it_is_short_and_stands_in_no_repr():
    for name in ("DIBS_SECRET", "DIBS_SECRET_OLD"):
        said = refusal(environ=SECRET | {name: "hunter2" + "é" * 12})
        assert said == f"{name}: must have 32 bytes at least, has 31"
    settings = read_settings({}, SECRET | {"DIBS_SECRET_OLD": "o" * 32})
    assert settings.secret_old == b"o" * 32
    assert "oooo" not in repr(settings)
    assert "xxxx" not in repr(settings)
    assert read_settings({}, SECRET | {"DIBS_SECRET_OLD": ""}).secret_old is None


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.default not in (None, ())], ids=lambda option: option.field)
def test_each_default_is_one_that_its_own_flag_accepts(option):
    assert option.read(str(option.default)) == option.default


def test_a_flag_wins_over_its_variable_and_a_variable_over_the_default():
    environ = {"DIBS_PORT": "9001", "DIBS_GRACE": "1.5", "DIBS_DEMO": "yes", "DIBS_UNHEARD_OF": "?", "DIBS_RATE": ""}
    settings = read_settings({"port": "9002", "grace": None, "demo": False}, environ)
    assert (settings.port, settings.grace, settings.demo, settings.rate) == (9002, 1.5, False, 20)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", "abc"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "8_000"),
        ("port", "٣"),
        ("port", "1" * 5000),
        ("grace", "nan"),
        ("grace", "inf"),
        ("grace", "-1"),
        ("heartbeat", "0"),
        ("rate", "1_0"),
        ("agent_limit", "1.5"),
        ("workers", "0"),
        ("workers", "65"),
        ("worker_timeout", "0"),
        ("env_file", ""),
        ("demo", "perhaps"),
        ("data", ""),
        ("host", " "),
        ("host", "no such host"),
        ("host", "\x1b[31m"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("origins", "shop.example"),
        ("origins", "https://shop.example/path"),
        ("origins", "https://a@shop.example"),
        ("origins", "https://shop.example:99999"),
        ("trusted_proxies", "proxy.example"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "*"),
        ("unauthenticated_limit", "0"),
        ("unauthenticated_per_address", "-1"),
        ("cert", ""),
        ("redis", "http://localhost"),
        ("redis", "redis://"),
        ("redis", "redis://host:port"),
        ("redis", "unix://"),
        ("redis", "redis://[::1"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_flag_or_the_variable(field, value):
    flag, variable = "--" + field.replace("_", "-"), "DIBS_" + field.upper()
    assert refusal({field: value}).startswith(f"{flag}: ")
    assert refusal({field: value}).isprintable()
    if value:
        assert refusal({}, {variable: value}).startswith(("--host: ", f"{variable}: "))


def test_a_url_that_is_refused_is_not_repeated_for_it_may_hold_a_password():
    assert "hunter2" not in refusal({"redis": "http://me:hunter2@localhost"})
    assert "hunter2" not in repr(read_settings({"redis": "redis://me:hunter2@localhost"}, {}))


def test_trusted_proxies_are_addresses_and_networks():
    told = read_settings({"trusted_proxies": " 10.0.0.0/8, 192.0.2.7\t2001:db8::/32,,10.0.0.0/8 "}, {}).trusted_proxies
    assert [str(network) for network in told] == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]
    assert read_settings({}, {"DIBS_TRUSTED_PROXIES": "::1"}).trusted_proxies


def test_a_certificate_and_its_key_come_together():
    assert refusal({"cert": "c.pem"}) == refusal({}, {"DIBS_KEY": "k.pem"}) == "--cert and --key: give both or none"
    assert read_settings({"cert": "c.pem", "key": "k.pem"}, {}).cert == Path("c.pem")


def test_a_private_server_and_a_given_redis_exclude_each_other():
    assert refusal({"redis": "redis://localhost", "redis_server": "/bin/x"}).startswith("--redis-server: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "0"])
def test_other_machines_are_let_in_only_with_a_secret(host):
    assert "DIBS_SECRET" in refusal({"host": host})
    assert read_settings({"host": host}, SECRET).secret == b"x" * 32


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_secret(host):
    assert read_settings({"host": host}, {}).secret is None


@pytest.mark.parametrize("secret", ["", "hunter2", "x" * 31])
def test_a_short_secret_is_refused_and_never_shown(secret):
    line = refusal({}, {"DIBS_SECRET": secret})
    assert line.startswith("DIBS_SECRET: ")
    assert not secret or secret not in line


def test_the_secret_is_in_no_repr_and_counts_bytes_rather_than_characters():
    settings = read_settings({}, {"DIBS_SECRET": "密" * 11})
    assert settings.secret == ("密" * 11).encode()
    assert "密" not in repr(settings)
    assert "secret" not in repr(settings)


def test_origins_are_kept_as_browsers_write_them():
    origins = "https://Shop.Example:443, http://localhost:8080 http://[::1]:80,*,https://shop.example"
    assert read_settings({"origins": origins}, {}).origins == ("https://shop.example", "http://localhost:8080", "http://[::1]", "*")
