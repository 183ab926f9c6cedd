"""The server process stays light: whatever computes runs in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "autogluon",
    "catboost",
    "lightgbm",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "python_calamine",
    "scipy",
    "sklearn",
    "torch",
    "xgboost",
}
START = """
import asyncio, json, sys
from pathlib import Path
from modelstudio.app import create_app, open_foundation
from modelstudio.bootstrap import prepare
from modelstudio.server import configure_logging
from modelstudio.settings import Settings
import modelstudio.cli

async def main():
    settings = Settings(data_dir=Path(sys.argv[1]))
    configure_logging(settings)
    foundation = open_foundation(settings)
    prepare(foundation)
    app = create_app(foundation)
    told, sent = asyncio.Queue(), asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan", "state": {}}, told.get, sent.put))
    await told.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
    await told.put({"type": "lifespan.shutdown"})
    await running

asyncio.run(main())
"""


def test_a_started_server_has_imported_no_library_that_computes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    imported = set(json.loads(done.stdout))
    assert "fastapi" in imported
    assert not imported & HEAVY
