"""The settings of `dibs serve`: one table that makes the flags, the DIBS_ variables and the help.

A flag wins over its variable, a variable over the default; a variable that is set to nothing counts as not set. Whatever does not fit
raises ConfigError with one line that names the flag or variable. DIBS_SECRET and DIBS_SECRET_OLD have no flag: a process list shows
flags.
"""

import ipaddress
import math
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import attrs

_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?", re.ASCII)
_ENDPOINT = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?", re.ASCII)
T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LogFormat = Literal["auto", "text", "json"]
SECRET_BYTES = 32
SHARE = 1000
"""Sockets of one address that need not have said hello; a fourth of all there may be."""
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
_USUAL_PORT = {"http": "80", "https": "443"}
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class ConfigError(Exception):
    """A setting that cannot be used: one line for people, exit status 2."""


class StartError(Exception):
    """The settings are fine and still dibs cannot start, or do what it was asked: one line for people, exit status 1."""


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _path(value: str) -> Path:
    return Path(_text(value)).expanduser()


def _switch(value: str) -> bool:
    if value.lower() not in _SWITCH:
        raise ValueError(f"must be one of {', '.join(_SWITCH)}, not {_shown(value)}")
    return _SWITCH[value.lower()]


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {_shown(value)}")
        return int(value)

    return read


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not low <= number <= high or "_" in value:
            raise ValueError(f"must be a number from {low:g} to {high:g}, not {_shown(value)}")
        return number

    return read


def _one_of(*choices: str) -> Callable[[str], Any]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {_shown(value)}")
        return value

    return read


def _redis(value: str) -> str:
    """Storage reads the URL in earnest. Its text is never repeated: it may hold a password."""
    try:
        url = urlsplit(value)
        if url.scheme in ("sentinel", "cluster"):
            return value
        fits = url.scheme in ("redis", "rediss", "unix") and bool(url.path if url.scheme == "unix" else url.hostname) and url.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            "must be redis://HOST:PORT/DB, rediss://HOST:PORT/DB, unix:///PATH, sentinel://HOST:PORT,HOST:PORT/NAME or cluster://HOST:PORT,HOST:PORT"
        )
    return value


def _origins(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_origin(origin) for origin in re.split(r"[\s,]+", value) if origin))


def _origin(value: str) -> str:
    """As a browser writes it in the Origin header: lower case, without the scheme's usual port."""
    if value == "*":
        return value
    if not value.isascii():
        raise ValueError(f"must name hosts as browsers do, in punycode (xn--…), not {_shown(value)}")
    match = _ORIGIN.fullmatch(value)
    if match is None or int(match[3] or 1) not in range(1, 65536):
        raise ValueError(f"must be scheme://host[:port] or *, with commas between several, not {_shown(value)}")
    scheme, host, port = match[1].lower(), match[2].lower(), match[3]
    return f"{scheme}://{host}" if port in (None, _USUAL_PORT.get(scheme)) else f"{scheme}://{host}:{int(port)}"


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(_network(network) for network in re.split(r"[\s,]+", value) if network))


def _network(value: str) -> Network:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(f"must be addresses and networks such as 10.0.0.0/8, with commas between several, not {_shown(value)}") from None


def _files(value: str) -> str:
    if value.startswith("s3:"):
        if not _S3.fullmatch(value):
            raise ValueError(f"must be s3://BUCKET or s3://BUCKET/PREFIX, not {_shown(value)}")
        return value.rstrip("/")
    return value if value == "none" else str(_path(value))


def _endpoint(value: str) -> str:
    if not _ENDPOINT.fullmatch(value):
        raise ValueError(f"must be such as https://s3.example.com or http://10.0.0.5:9000, not {_shown(value)}")
    return value.rstrip("/")


def _setting(default: T, read: Callable[[str], T], unit: str, meaning: str, *, secret: bool = False) -> T:
    """A line of the table. It claims to be its default's type, as `attrs.field` does."""
    return attrs.field(default=default, repr=not secret, metadata={"read": read, "unit": unit, "meaning": meaning})


@attrs.frozen(kw_only=True)
class Settings:
    """What `dibs serve` was told. Durations are seconds."""

    host: str = _setting("127.0.0.1", _text, "HOST", "address to listen on; other than loopback needs DIBS_SECRET")
    port: int = _setting(8000, _whole(0, 65535), "PORT", "port to listen on, 0 for a free one")
    redis: str | None = _setting(
        None,
        _redis,
        "URL",
        "use this Redis or Valkey (redis://, rediss://, unix://; ?wait=1: ack what a replica has; sentinel://, cluster://)",
        secret=True,
    )
    redis_server: Path | None = _setting(None, _path, "PATH", "run this valkey-server or redis-server rather than the bundled one")
    data: Path = _setting(Path("dibs-data"), _path, "DIR", "directory of the secret and of the private server's data")
    workers: int = _setting(1, _whole(1, 64), "N", "processes that serve, on one port")
    worker_timeout: float = _setting(15.0, _number(1, 3600), "S", "seconds after which a worker that does not answer is replaced")
    env_file: Path | None = _setting(None, _path, "FILE", "DIBS_ variables in lines of NAME=value; SIGHUP makes workers read it again")
    demo: bool = _setting(False, _switch, "", "serve a demo shop with ready tokens")
    grace: float = _setting(60.0, _number(0, 604_800), "S", "seconds until the chats of a vanished agent go back to the queue")
    heartbeat: float = _setting(25.0, _number(0.1, 3600), "S", "seconds after which the server says something")
    origins: tuple[str, ...] = _setting((), _origins, "LIST", "pages that may open a socket besides the server's own, * for any")
    visitors: bool = _setting(False, _switch, "", "give shoppers without an account an identity (POST /visitor); --demo does too")
    cert: Path | None = _setting(None, _path, "FILE", "speak TLS with this certificate chain (PEM); needs --key")
    key: Path | None = _setting(None, _path, "FILE", "the private key of --cert (PEM, without a password)")
    trusted_proxies: tuple[Network, ...] = _setting(
        (), _networks, "LIST", "addresses and networks of proxies whose X-Forwarded-For, -Proto, -Host or Forwarded is believed"
    )
    unauthenticated_limit: int = _setting(4 * SHARE, _whole(1, 1_000_000), "N", "sockets that have not said hello, in all")
    unauthenticated_per_address: int = _setting(SHARE, _whole(1, 1_000_000), "N", "sockets that have not said hello, of one address")
    agent_limit: int = _setting(0, _whole(0, 1_000_000), "N", "chats an agent may own in a store, 0 for any number")
    rate: float = _setting(20.0, _number(0, 1_000_000), "N", "commands a second of a user, ten times that of an agent, 0 for any number")
    strict: bool = _setting(False, _switch, "", "refuse a Redis that cannot keep what was acknowledged")
    log_level: str = _setting("info", _one_of("debug", "info", "warning", "error"), "LEVEL", "debug, info, warning or error")
    log_format: LogFormat = _setting("auto", _one_of("auto", "text", "json"), "FORMAT", "text, json, or auto: text on a terminal")
    log_limit: int = _setting(1_000_000, _whole(100, 1_000_000_000), "N", "entries kept in the log of a store")
    history_limit: int = _setting(100_000, _whole(100, 1_000_000_000), "N", "entries kept of each chat")
    keep_days: float = _setting(0.0, _number(0, 36_500), "N", "days that messages, notes and statuses are kept, 0 for ever")
    files: str | None = _setting(
        None,
        _files,
        "PLACE",
        "where files of chats lie: a directory that all nodes share, s3://BUCKET/PREFIX, or none; by default in --data, with --redis none",
    )
    files_endpoint: str | None = _setting(None, _endpoint, "URL", "the service of s3://, if it is not Amazon's")
    file_limit: int = _setting(10, _whole(1, 1000), "MB", "size of a file at most")
    file_quota: int = _setting(100, _whole(1, 1_000_000), "MB", "files that one identity may send a day")
    secret: bytes | None = attrs.field(default=None, repr=False)
    secret_old: bytes | None = attrs.field(default=None, repr=False)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach `host`."""
        return all(ipaddress.ip_address(address).is_loopback for address in _addresses(self.host))


@attrs.frozen
class Option:
    """One line of the table, for whoever makes flags from it."""

    field: str
    default: Any
    unit: str
    meaning: str
    read: Callable[[str], Any]

    @property
    def flag(self) -> str:
        return "--" + self.field.replace("_", "-")

    @property
    def variable(self) -> str:
        return "DIBS_" + self.field.upper()

    @property
    def is_switch(self) -> bool:
        return isinstance(self.default, bool)


OPTIONS = tuple(Option(line.name, line.default, **line.metadata) for line in attrs.fields(Settings) if line.metadata)


def read_settings(flags: Mapping[str, str | bool | None], environ: Mapping[str, str]) -> Settings:
    """Settings from flags by field name (None: not given) and from the environment; raises ConfigError."""
    values: dict[str, Any] = {}
    for option in OPTIONS:
        given, source = flags.get(option.field), option.flag
        if given is None:
            given, source = environ.get(option.variable) or None, option.variable
        if given is not None:
            values[option.field] = given if isinstance(given, bool) else read_value(option.read, given, source)
    settings = Settings(secret=read_secret(environ), secret_old=read_old_secret(environ), **values)
    if settings.redis is not None and settings.redis_server is not None:
        raise ConfigError("--redis-server: starts a private server, which --redis does without; give one of the two")
    if (settings.cert is None) is not (settings.key is None):
        raise ConfigError("--cert and --key: give both or none")
    if settings.files_endpoint is not None and not (settings.files or "").startswith("s3:"):
        raise ConfigError("--files-endpoint: is for --files s3://BUCKET/PREFIX")
    if not settings.loopback and settings.secret is None:
        raise ConfigError(
            f"--host: {_shown(settings.host)} can be reached from other machines, so DIBS_SECRET must be set (32 bytes at least)"
        )
    return settings


def read_value(read: Callable[[str], T], value: str, source: str) -> T:
    """`read(value)`, its ValueError turned into a ConfigError that names `source`."""
    try:
        return read(value.strip())
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from None


def read_secret(environ: Mapping[str, str]) -> bytes | None:
    """DIBS_SECRET, if it is set. Set to nothing it is refused: somebody meant it to be there."""
    value = environ.get("DIBS_SECRET")
    return None if value is None else _long_enough(value, "DIBS_SECRET")


def read_old_secret(environ: Mapping[str, str]) -> bytes | None:
    """DIBS_SECRET_OLD, the secret before the present one: verifies and never signs. Set to nothing there is none."""
    value = environ.get("DIBS_SECRET_OLD")
    return _long_enough(value, "DIBS_SECRET_OLD") if value else None


def _long_enough(value: str, source: str) -> bytes:
    secret = value.encode("utf-8", "surrogateescape")
    if len(secret) < SECRET_BYTES:
        raise ConfigError(f"{source}: must have {SECRET_BYTES} bytes at least, has {len(secret)}")
    return secret


def _addresses(host: str) -> set[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConfigError(f"--host: {_shown(host)} is not an address or the name of one") from None
    return {str(address[4][0]).partition("%")[0] for address in found}


def _shown(value: str) -> str:
    """A value as it may stand in a line: short, quoted, with nothing that moves the cursor."""
    return ascii(value if len(value) <= 60 else value[:60] + "…") if not value.isprintable() or len(value) > 60 else repr(value)
