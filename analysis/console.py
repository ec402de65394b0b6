"""Tables and progress bars on a terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

DELAY = 1.0  # seconds before a bar appears


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns whose name starts with '<' are text, aligned left, all others numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    out = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in columns:
        out.add_column(name.lstrip("<"), justify="left" if name.startswith("<") else "right")
    for row in rows:
        out.add_row(*map(str, row))
    # a pipe has no width of its own: wide enough that no cell is cut
    Console(width=None if sys.stdout.isatty() else 160).print(out)


@contextmanager
def simulated_log() -> Iterator[None]:
    """Each call that ends, with simulated time, on standard error: `[   12.345 ms] linear head 5,021 cycles`."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("tlm.trace")
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before


@contextmanager
def counter(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yields a function to call with what is done and what there is to do; else like `progress`."""
    with ExitStack() as stack:
        step: Callable[[], None] | None = None
        last = 0

        def count(done: int, total: int) -> None:
            nonlocal step, last
            if step is None:
                step = stack.enter_context(progress(what, total))
            for _ in range(done - last):
                step()
            last = done

        yield count


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yields a function to call after each step; a bar shows on a terminal after a second."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(what, total=total)
    began = time.monotonic()
    shown = False

    def step() -> None:
        nonlocal shown
        if not shown and time.monotonic() - began > DELAY:
            bar.start()
            shown = True
        bar.advance(task)

    try:
        yield step
    finally:
        if shown:
            bar.stop()
