"""The process that reads tables; see `isolated` for why it is one, and for its protocol.

Everything here may import PyArrow; the server process never imports this module. The inputs are
links ``input/0``, ``input/1`` ... in the working directory, results are files in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from modelstudio.tables.files import table_files
from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OVERHEAD_BYTES: Final = 1 << 30
_MOST_WRITTEN_BYTES: Final = 16 << 30
_THREADS: Final = 2


def profile(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say what each input holds; ``arguments`` has their names."""
    return [
        table_files.profile(_input(index), name) for index, name in enumerate(arguments["names"])
    ]


def materialise(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write all inputs as one table to ``table.parquet``, in the order of the inputs.

    ``arguments`` has ``names`` and ``profiles`` of the inputs, the columns as ``fields``, and the
    state of the reading of each column that has one as ``readings``.
    """
    inputs = [
        (_input(index), name, known)
        for index, (name, known) in enumerate(
            zip(arguments["names"], arguments["profiles"], strict=True)
        )
    ]
    output = Path("table.parquet")
    table_files.write(inputs, arguments["fields"], arguments["readings"], output)
    return {}


def export(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``columns`` (None: all) and at most ``limit`` rows of a table to ``result``."""
    table_files.export(
        _input(0),
        Path("result"),
        form=arguments["format"],
        columns=arguments["columns"],
        limit=arguments["limit"],
    )
    return {}


_TASKS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "profile": profile,
    "materialise": materialise,
    "export": export,
}


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    _limit(request["memoryBytes"])
    pa.set_cpu_count(_THREADS)
    sys.meta_path.insert(0, _WithoutPandas())
    try:
        answer = {"result": _TASKS[request["task"]](request["arguments"])}
    except Unreadable as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": "Reading the data takes more memory than the server allows."}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # not waiting for the thread that watches standard input


class _WithoutPandas:
    """Has PyArrow work as where there is no pandas.

    It would import it to see that a list is no series of it: half a second for nothing.
    """

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def _input(index: int) -> Path:
    return Path(f"input/{index}")


def _limit(memory_bytes: int) -> None:
    """Fail rather than let the machine run out of memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = memory_bytes + _OVERHEAD_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # A small file may unpack to more than the disk holds. Writing beyond fails, without a signal.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN_BYTES, _MOST_WRITTEN_BYTES))
    with contextlib.suppress(OSError):  # Linux; the kernel then picks this process first
        Path("/proc/self/oom_score_adj").write_text("500")


def _end_with_the_server() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
