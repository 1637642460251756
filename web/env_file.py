"""The file of `--env-file`: DIBS_ variables as lines of NAME=value, in the form that systemd's EnvironmentFile has.

What stands in it wins over the environment, for it can be changed while dibs runs: SIGHUP reads it again. Empty lines and those that begin
with `#` are passed by, and a value may stand in quotes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from web.setting import ConfigError, Settings, read_settings

_LINE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.ASCII)
_PREFIX = "DIBS_"
VARIABLE = "DIBS_ENV_FILE"


@attrs.frozen
class Given:
    """What `dibs serve` was given: flags by the names of their settings, and the environment."""

    flags: Mapping[str, str | bool | None]
    environ: Mapping[str, str]

    def variables(self) -> dict[str, str]:
        """The DIBS_ variables as they are now; raises ConfigError."""
        file = self.flags.get("env_file")
        return read_variables(self.environ, file if isinstance(file, str) else None)

    def settings(self) -> Settings:
        """The settings as they are now; raises ConfigError."""
        return read_settings(self.flags, self.variables())


def read_variables(environ: Mapping[str, str], file: str | None = None) -> dict[str, str]:
    """The DIBS_ variables: of the file, or of the one that DIBS_ENV_FILE names, and of the environment; raises ConfigError."""
    variables = {name: value for name, value in environ.items() if name.startswith(_PREFIX)}
    source, named = ("--env-file", file) if file is not None else (VARIABLE, variables.get(VARIABLE))
    return variables | _read(Path(named).expanduser(), source) if named else variables


def _read(path: Path, source: str) -> dict[str, str]:
    try:
        lines = path.read_text(errors="surrogateescape").splitlines()
    except OSError as error:
        raise ConfigError(f"{source}: {path} cannot be read: {error.strerror}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            # The line is not repeated: it may be a piece of a secret.
            raise ConfigError(f"{source}: line {number} of {path} must be NAME=value")
        if match[1].startswith(_PREFIX):
            found[match[1]] = _unquoted(match[2].strip())
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
