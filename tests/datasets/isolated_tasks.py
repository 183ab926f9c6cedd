"""Tasks that misbehave, run by the tests as `python -m` runs a table process."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    told = {"pid": os.getpid(), "memory": request["memoryBytes"], "cwd": str(Path.cwd())}
    task = request["task"]
    if task == "sleep":
        Path(request["arguments"]["note"]).write_text(str(os.getpid()))
        time.sleep(60)
    elif task == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif task == "raise":
        raise RuntimeError("a fault of ours")
    elif task == "refuse":
        sys.stdout.write(json.dumps({"problem": "The data is odd."}))
        return
    elif task == "environment":
        told["environment"] = sorted(os.environ)
    sys.stdout.write(json.dumps({"result": told}))


if __name__ == "__main__":
    main()
