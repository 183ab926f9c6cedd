"""The demo runs the whole main job, so that the README's first command cannot rot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support import MODELSTUDIO, free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.training


def test_the_demo_trains_a_model_and_shows_how_to_list_its_runs(tmp_path: Path) -> None:
    data_dir = tmp_path / "demo data"
    command = [*MODELSTUDIO, "demo", "--exit", "--data-dir", str(data_dir)]
    done = subprocess.run(
        [*command, "--port", str(free_port())],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={**os.environ, "COLUMNS": "140"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCEEDED" in done.stdout
    assert "roc_auc" in done.stdout
    assert done.stderr == ""
    script = re.search(r"(?ms)^from foundry_sdk.*?^    print\(.*?$", done.stdout)
    assert script is not None
    compile(script[0], "<pasted>", "exec")
    assert str(data_dir / "admin-token") in script[0]


def test_the_demo_says_when_the_server_cannot_start(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = subprocess.run(
        [*MODELSTUDIO, "demo", "--exit", "--data-dir", str(blocked / "below")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "data directory" in done.stdout


def test_a_demo_in_the_background_of_a_shell_ends_when_asked_to() -> None:
    serving = (
        "import signal; from rich.console import Console; from modelstudio.demo import main\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "main._serve_on(Console(), 'host')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", serving], stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            assert "Still serving" in demo.stdout.readline()
            time.sleep(1)  # it prepares for the signal right after it said so
            demo.terminate()
            assert demo.wait(20) == 0
        finally:
            demo.kill()
