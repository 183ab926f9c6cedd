"""Runs the demo from start to end."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Final, NoReturn

from rich.console import Console

from modelstudio.demo import story
from modelstudio.demo.server import ServerDidNotStartError, running_server

if TYPE_CHECKING:
    from pathlib import Path

TIME_LIMIT_SECONDS: Final = 20  # used to the end, so short


def run_demo(data_dir: Path, port: int, *, keep_serving: bool) -> int:
    """Return the exit code: 0 only if the training run succeeded."""
    console = Console(highlight=False)
    try:
        from foundry_sdk import (  # noqa: PLC0415 - the demo's own dependency
            Config,
            FoundryClient,
            UserTokenAuth,
        )
    except ImportError:
        console.print("The demo calls the server with the official client. Install it first:")
        console.print("  pip install foundry-platform-sdk")
        return 1
    try:
        with running_server(data_dir, port) as hostname:
            token_file = data_dir / "admin-token"
            console.print(f"Model Studio is serving on http://{hostname}")
            client = FoundryClient(
                auth=UserTokenAuth(token_file.read_text().strip()),
                hostname=hostname,
                config=Config(scheme="http"),
            )
            prepared = story.prepare(client, console, TIME_LIMIT_SECONDS)
            run = client.models.ModelStudio.launch(prepared.studio_rid, preview=True)
            console.print(f"  run        {run.run_id} launched")
            status = story.watch(client, console, prepared, run)
            if status != "SUCCEEDED":
                return 1
            story.show_result(client, console, prepared, run)
            story.show_how_to_call(console, hostname, token_file.resolve(), prepared)
            if keep_serving:
                _serve_on(console, hostname)
    except ServerDidNotStartError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    return 0


def _serve_on(console: Console, hostname: str) -> None:
    console.print(f"Still serving on http://{hostname}. Stop with Ctrl-C.")
    signal.signal(signal.SIGTERM, _stop)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("Stopped.")


def _stop(*_: object) -> NoReturn:
    """End as by Ctrl-C, also where that signal is ignored: in the background of a shell."""
    raise KeyboardInterrupt
