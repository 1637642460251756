"""What the actors are given from outside, besides the storage (`actors.append.Storage`)."""

from typing import Any, Protocol


class Clock(Protocol):
    """Time, so that a simulation can own it. Deadlines use `monotonic_s`, what others see uses `wall_ms`."""

    def wall_ms(self) -> int:
        """Milliseconds since the epoch."""

    def monotonic_s(self) -> float:
        """Seconds that never go back."""


class Log(Protocol):
    """One line an event. No field ever holds a token or a word of a chat."""

    def debug(self, event: str, **fields: Any) -> Any:
        """For whoever develops."""

    def info(self, event: str, **fields: Any) -> Any:
        """What an operator may want to read."""

    def warning(self, event: str, **fields: Any) -> Any:
        """What an operator should look at."""

    def error(self, event: str, **fields: Any) -> Any:
        """What is broken."""
