"""A smaller schedule that fails in the same way: parts are left out, many at once, then fewer, as in delta debugging
(Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002)."""

from collections.abc import Callable

from tests.simulation.schedule import Schedule


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool], tries: int = 600) -> Schedule:
    """The smallest that was found within so many tries. `fails` says whether a schedule still does."""
    parts, pieces = schedule.parts, 2
    while len(parts) > 1 and tries > 0:
        size = max(1, len(parts) // pieces)
        for start in range(0, len(parts), size):
            left = parts[:start] + parts[start + size :]
            tries -= 1
            if fails(schedule.keeping(left)):
                parts, pieces = left, max(2, pieces - 1)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            pieces = min(len(parts), pieces * 2)
    return schedule.keeping(parts)
