"""A smaller schedule that fails in the same way: parts are left out, many at once, then fewer, as in delta debugging
(Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002). Then whoever has nothing to do in it."""

from collections.abc import Callable

from tests.simulation.schedule import Schedule


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool], tries: int) -> Schedule:
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
    smallest = schedule.keeping(parts)
    busy = {step.who for step in smallest.steps}
    for someone in schedule.people:
        smaller = smallest.without(someone)
        if someone.id not in busy and smaller.people and tries > 0:
            tries -= 1
            smallest = smaller if fails(smaller) else smallest
    return smallest
