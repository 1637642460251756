"""The command `dibs`: reads its arguments, then serves, prints a token, chats, looks for what is wrong, asks a running dibs, or looks after
its data. Whatever goes wrong is one line on standard error."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from web.env_file import Given, read_variables
from web.setting import OPTIONS, ConfigError, Option, StartError, read_secret, read_value

if TYPE_CHECKING:
    from web.caller import Caller

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_URL = "http://127.0.0.1:8000"
_MOMENT_S = 60.0
_OPTION = {option.field: option for option in OPTIONS}


class _Parser(argparse.ArgumentParser):
    """argparse without abbreviations, and without its page of usage before the one line that matters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise ConfigError(re.sub(r"^argument ([^:]*): ", r"\1: ", message))


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0 done, 1 cannot be done, 2 wrong arguments."""
    try:
        arguments = _parser().parse_args(sys.argv[1:] if argv is None else argv)
        if arguments.command is None:
            *others, last = _COMMANDS
            raise ConfigError(f"say what to do: dibs {', '.join(others)} or {last}; dibs --help tells more")
        return _COMMANDS[arguments.command](arguments)
    except SystemExit as end:  # argparse ends like this after --help and --version
        return int(end.code or 0)
    except ConfigError as error:
        return _fail(error, 2)
    except StartError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 130


def _fail(error: Exception, status: int) -> int:
    """One line, whatever an argument held."""
    line = " ".join(str(error).split())
    print("dibs:", "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), file=sys.stderr)  # noqa: T201 -- this is what the user reads
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dibs", description="Live customer-service chat.")
    parser.add_argument("--version", action="version", version=f"dibs {version('dibs')}")
    commands = parser.add_subparsers(dest="command", metavar="|".join(_COMMANDS))
    serve = commands.add_parser(
        "serve",
        help="run the chat",
        description="Run the chat. Each option can be set by a variable too: DIBS_PORT for --port.",
    )
    for option in OPTIONS:
        _add(serve, option)
    token = commands.add_parser("token", help="print a token", description="Print a token signed with serve's secret.")
    token.add_argument("--role", required=True, metavar="ROLE", help="user, agent, supervisor or operator")
    token.add_argument("--id", required=True, metavar="ID", help="who it is: 1 to 64 of A-Z a-z 0-9 . _ ~ -")
    token.add_argument(
        "--store",
        action="append",
        default=[],
        metavar="S",
        help="a store to work for, or for an operator to look at; may be given several times",
    )
    token.add_argument("--name", metavar="NAME", help="the name to show")
    token.add_argument("--ttl", default="12h", metavar="TIME", help="how long it is good for: 90s, 15m, 12h or 30d (default 12h)")
    _add(token, _OPTION["data"])
    chat = commands.add_parser("chat", help="chat in this terminal", description="Chat in this terminal.")
    chat.add_argument("--token", metavar="T", help="who you are; DIBS_TOKEN keeps it out of the list of processes")
    chat.add_argument("--url", default="http://127.0.0.1:8000", metavar="URL", help="where dibs is (default http://127.0.0.1:8000)")
    chat.add_argument("--store", metavar="S", help="the store to write to")
    doctor = commands.add_parser(
        "doctor",
        help="look for what is wrong",
        description="Look at the environment, the data directory, the Redis, the secret, the limits and the public address. The exit "
        "status is 1 if something fails. Variables such as DIBS_REDIS count as they do for serve.",
    )
    for option in OPTIONS:
        if option.field in ("data", "redis", "redis_server"):
            _add(doctor, option)
    doctor.add_argument("--url", metavar="URL", help="what users reach, such as https://chat.example: looks at the proxy before dibs too")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    revoke = commands.add_parser(
        "revoke",
        help="withdraw access",
        description="End the sessions of somebody, give its chats back, and refuse the tokens that it has had until now.",
    )
    revoke.add_argument("--role", required=True, metavar="ROLE", help="user, agent, supervisor or operator")
    revoke.add_argument("--id", required=True, metavar="ID", help="whose access")
    revoke.add_argument("--store", metavar="S", help="withdraw access to this store only")
    audit = commands.add_parser(
        "audit",
        help="who did what to which chat",
        description="Print the changes of owner and status of a store's chats as lines of JSON. A time is 2026-03-01, 2026-03-01T09:30 "
        "(UTC), 90m or 7d (so long ago), or milliseconds since the epoch.",
    )
    audit.add_argument("--store", required=True, metavar="S", help="the store")
    audit.add_argument("--user", metavar="ID", help="only the chat of this user")
    audit.add_argument("--agent", metavar="ID", help="only what this agent did, had or got")
    audit.add_argument("--reason", metavar="R", help="only claim, release, transfer, takeover, resolve, assigned, …")
    audit.add_argument("--since", metavar="T", help="from this time on")
    audit.add_argument("--until", metavar="T", help="before this time")
    audit.add_argument("--after", metavar="OFFSET", help="behind this offset of the store's log")
    audit.add_argument("--limit", metavar="N", help="so many lines at most")
    erase = commands.add_parser(
        "erase",
        help="erase a chat",
        description="Erase the chat of a user with a store: from the storage, its files, the store's log and the memory of the dibs "
        "that is asked. Backups and what clients keep are not covered.",
    )
    erase.add_argument("--store", required=True, metavar="S", help="the store")
    erase.add_argument("--user", required=True, metavar="ID", help="the user")
    for asking in (revoke, audit, erase):
        asking.add_argument("--url", metavar="URL", help=f"where dibs listens (default {_URL}; DIBS_URL)")
        asking.add_argument("--token", metavar="TOKEN", help="an operator's token (better in DIBS_TOKEN: a process list shows flags)")
        _add(asking, _OPTION["data"])
    _add_care(commands)
    return parser


def _add_care(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """The commands that look after the data."""
    backup = commands.add_parser(
        "backup",
        help="copy the private server's data",
        description="Copy the private server's data into one file, while dibs serves them or not. The secret is not in it.",
    )
    backup.add_argument("file", metavar="FILE", help="the copy; one that is there is replaced when the new one is whole")
    restore = commands.add_parser(
        "restore",
        help="take a backup back",
        description="Put the data of a backup into a data directory that no dibs uses. They are proven first.",
    )
    restore.add_argument("file", metavar="FILE", help="what dibs backup made")
    restore.add_argument("--force", action="store_true", help="also where data are; these are kept beside")
    export = commands.add_parser(
        "export",
        help="print a store's chats",
        description="Print the chats of a store with everything that happened in them as lines of JSON, while dibs serves them or not.",
    )
    export.add_argument("--store", required=True, metavar="S", help="the store")
    export.add_argument("--user", metavar="ID", help="only the chat of this user")
    _add(export, _OPTION["redis"])
    for command in (restore, export):
        _add(command, _OPTION["redis_server"])
    for command in (backup, restore, export):
        _add(command, _OPTION["data"])


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    """Values stay text here, so that a flag and its variable are read by the same code."""
    default = "" if option.default in (None, (), False) else f" (default {option.default})"
    if option.is_switch:
        parser.add_argument(option.flag, action=argparse.BooleanOptionalAction, default=None, help=option.meaning)
    else:
        parser.add_argument(option.flag, metavar=option.unit, help=option.meaning + default)


def _serve(arguments: argparse.Namespace) -> int:
    given = Given({option.field: getattr(arguments, option.field) for option in OPTIONS}, dict(os.environ))
    settings = given.settings()
    if settings.workers > 1:
        from web.crew.master import run as run_workers

        return run_workers(given, settings)
    from web.serve import run

    return run(settings)


def _token(arguments: argparse.Namespace) -> int:
    from web.log import make_log
    from web.secret import load_secret
    from web.token import BadClaim, TokenSigner, check_claims

    who = {"role": arguments.role, "id": arguments.id, "stores": arguments.store, "name": arguments.name}
    ttl_s = read_value(_duration_s, arguments.ttl, "--ttl")
    data = _data(arguments)
    try:
        check_claims(**who)
    except BadClaim as error:
        raise ConfigError(f"token: {error}") from None
    secret = load_secret(read_secret(read_variables(os.environ)), data, make_log("info", "text", sys.stderr))
    print(TokenSigner(secret).sign(**who, ttl_s=ttl_s, now_s=time.time()))  # noqa: T201 -- the token is the output
    return 0


def _chat(arguments: argparse.Namespace) -> int:
    token = arguments.token or read_variables(os.environ).get("DIBS_TOKEN")
    if not token:
        raise ConfigError("--token: dibs chat needs a token; dibs token prints one")
    url = read_value(_socket_url, arguments.url, "--url")
    import anyio

    from web.terminal.screen import talk
    from web.token import peek

    role, id, stores = peek(token)
    named = (arguments.store, *stores) if arguments.store else stores
    return anyio.run(lambda: talk(url, token, named, role=role, id=id))


def _doctor(arguments: argparse.Namespace) -> int:
    from web.caller import read_url
    from web.doctor.examine import Asked, run

    if arguments.url is not None:
        read_url(arguments.url)
    flags = {name: getattr(arguments, name) for name in ("data", "redis", "redis_server")}
    status: int = run(Asked(flags=flags, environ=read_variables(os.environ), url=arguments.url), as_json=arguments.json)
    return status


def _socket_url(value: str) -> str:
    """The WebSocket of a server that is named by its page's address or by its socket's."""
    parts = urlsplit(value)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ValueError("must be http://HOST:PORT, https://…, ws://… or wss://…")
    path = parts.path if parts.scheme.startswith("ws") and parts.path not in ("", "/") else parts.path.rstrip("/") + "/ws"
    return f"{scheme}://{parts.netloc}{path}"


def _data(arguments: argparse.Namespace) -> Path:
    data: Path = _given(arguments, "data")
    return data


def _given(arguments: argparse.Namespace, field: str) -> Any:
    """One of serve's settings: its flag, its variable, or its default."""
    option = _OPTION[field]
    flag: str | None = getattr(arguments, field)
    if flag is not None:
        return read_value(option.read, flag, option.flag)
    variable = read_variables(os.environ).get(option.variable)
    return read_value(option.read, variable, option.variable) if variable else option.default


def _revoke(arguments: argparse.Namespace) -> int:
    from web.token import BadClaim, check_identity

    try:
        check_identity(role=arguments.role, id=arguments.id, stores=() if arguments.store is None else (arguments.store,))
    except BadClaim as error:
        raise ConfigError(f"revoke: {error}") from None
    print(_caller(arguments).revoke(arguments.role, arguments.id, arguments.store))  # noqa: T201 -- what was done is the output
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from web.token import BadClaim, check_store

    now_s = time.time()
    try:
        check_store(arguments.store)
    except BadClaim as error:
        raise ConfigError(f"audit: {error}") from None
    asked = {name: value for name in ("user", "agent", "reason", "after", "limit") if (value := getattr(arguments, name)) is not None}
    for name in ("since", "until"):
        if (value := getattr(arguments, name)) is not None:
            asked[name] = str(read_value(lambda text: _moment_ms(text, now_s), value, f"--{name}"))
    for name in ("after", "limit"):
        if name in asked and not re.fullmatch(r"[0-9]{1,15}", asked[name], re.ASCII):
            raise ConfigError(f"--{name}: must be a whole number")
    _caller(arguments).audit(arguments.store, asked)
    return 0


def _erase(arguments: argparse.Namespace) -> int:
    from web.token import BadClaim, check_identity

    try:
        check_identity(role="user", id=arguments.user, stores=(arguments.store,))
    except BadClaim as error:
        raise ConfigError(f"erase: {error}") from None
    print(_caller(arguments).erase(arguments.store, arguments.user))  # noqa: T201 -- what was done is the output
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    from web.backup import backup

    print(backup(_file(arguments), _data(arguments)))  # noqa: T201 -- what was made is the output
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from web.backup import take_back

    source, data, server = _file(arguments), _data(arguments), _given(arguments, "redis_server")
    print(take_back(source, data, server, force=arguments.force))  # noqa: T201 -- what was done is the output
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from web.export import export
    from web.token import BadClaim, check_identity

    try:
        check_identity(role="user", id=arguments.user or "u", stores=(arguments.store,))
    except BadClaim as error:
        raise ConfigError(f"export: {error}") from None
    redis = None if arguments.data is not None and arguments.redis is None else _given(arguments, "redis")
    export(arguments.store, arguments.user, redis=redis, data=_data(arguments), server=_given(arguments, "redis_server"))
    return 0


def _file(arguments: argparse.Namespace) -> Path:
    if not arguments.file:
        raise ConfigError("FILE: must not be empty")
    return Path(arguments.file)


def _caller(arguments: argparse.Namespace) -> "Caller":
    """Whoever asks shows the token that was given, or one of its own that is good for a moment."""
    from web.caller import Caller
    from web.log import make_log
    from web.secret import load_secret
    from web.token import TokenSigner

    variables = read_variables(os.environ)
    url = arguments.url or variables.get("DIBS_URL") or _URL
    token = arguments.token or variables.get("DIBS_TOKEN")
    if token is None:
        secret = load_secret(read_secret(variables), _data(arguments), make_log("info", "text", sys.stderr), may_make=False)
        token = TokenSigner(secret).sign(role="operator", id="command-line", stores=[], name=None, ttl_s=_MOMENT_S, now_s=time.time())
    if not token.isascii() or not token.isprintable():
        raise ConfigError("--token: is no token")
    return Caller(url, token)


def _moment_ms(value: str, now_s: float) -> int:
    if re.fullmatch(r"[0-9]{5,15}", value, re.ASCII):
        return int(value)
    try:
        if re.fullmatch(r"[0-9]+[smhd]", value, re.ASCII):
            return max(0, int((now_s - _duration_s(value)) * 1000))
        moment = datetime.fromisoformat(value)
        return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000))
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2026-03-01, 2026-03-01T09:30, 90m or 7d ago, or milliseconds") from None


def _duration_s(value: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", value, re.ASCII)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= 3650 * 86_400:
        raise ValueError("must be a time such as 90s, 15m, 12h or 30d, and ten years at most")
    return float(seconds)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "token": _token,
    "chat": _chat,
    "doctor": _doctor,
    "revoke": _revoke,
    "audit": _audit,
    "erase": _erase,
    "backup": _backup,
    "restore": _restore,
    "export": _export,
}


if __name__ == "__main__":
    sys.exit(main())
