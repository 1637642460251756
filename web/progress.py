"""A progress bar on standard error, where somebody watches it: for what takes its time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, *, bytes: bool = False, shown: bool = True) -> Iterator[Callable[[int, int | None], None]]:
    """Gives what is to be told how much is done, and of how much (None: nobody knows)."""
    if not shown or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), DownloadColumn() if bytes else MofNCompleteColumn(), TimeElapsedColumn())
    # Standard output is not rich's to redirect: the lines go where they were sent.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
