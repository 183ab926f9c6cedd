"""A progress bar on a terminal; elsewhere only what the operator has to know."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bar:
    """Shows how many rows are done; draws nothing when there is no terminal to draw on."""

    def __init__(self, drawn: Progress | None) -> None:
        self._drawn = drawn
        self._task = None if drawn is None else drawn.add_task("rows", total=None)

    def update(self, done: int, about: int | None) -> None:
        """Show ``done`` of ``about``, which is corrected when it turns out too small."""
        if self._drawn is not None and self._task is not None:
            total = None if about is None else max(about, done)
            self._drawn.update(self._task, completed=done, total=total)

    def note(self, text: str) -> None:
        if self._drawn is None:
            typer.echo(f"note: {text}", err=True)
        else:
            self._drawn.console.print(f"note: {text}", markup=False, highlight=False)


@contextmanager
def progress() -> Iterator[Bar]:
    """Open a bar on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as drawn:
        yield Bar(drawn)
