"""``python -m modelstudio.inference.process``: the process that a predictor runs in.

The first message says what to load and what it may use; see ``client``. Then it answers one
message after the other, until its standard input ends. What libraries print goes to standard
error; standard output belongs to the answers.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from modelstudio.inference import messages
from modelstudio.trainers import kept_readings
from modelstudio.trainers.asking.loading import load

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_MESSAGE: Final = 500
_PARENT_SECONDS: Final = 1.0
#: Address space that libraries reserve and never use counts too, so the limit has some room.
_RESERVED_BYTES: Final = 512 * 2**20


def main() -> None:
    faulthandler.enable()
    requests, answers = _private_pipes()
    first = messages.read(requests)
    if first is None:
        return
    setup, _ = first
    threading.Thread(target=_end_with, args=(setup["parentPid"],), daemon=True).start()
    _limit(setup["memoryBytes"])
    try:
        session = Session(setup)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a predictor may raise anything
        messages.write(answers, _problem(error, "The model cannot be loaded"))
        return
    messages.write(answers, session.about())
    while (message := messages.read(requests)) is not None:
        head, body = session.answer(*message)
        messages.write(answers, head, body)


class Session:
    """A loaded predictor and how to call it."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        from modelstudio.inference import values  # noqa: PLC0415 - the limits are set by now
        from modelstudio.trainers.asking import given, model  # noqa: PLC0415

        self._values, self._plain = values, model.plain
        self._refused = given.InputError
        self._outputs = given.table_columns(setup["modelApi"]["outputs"])
        model_dir = Path(setup["modelDir"])
        predictor = load(setup["predictor"], model_dir)
        readings = kept_readings.read(model_dir)
        # What it lacks, a predictor says itself: it may do without more than its API says.
        self._model = model.Model(predictor, setup["modelApi"], readings, strict=False)

    def about(self) -> dict[str, Any]:
        return {
            "rowWise": self._model.row_wise,
            "predictsRows": hasattr(self._model.predictor, "predict_row"),
        }

    def answer(self, head: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            if head["op"] == "row":
                row = self._plain(self._model.predict_row(head["row"]))
                return {"row": row, "notes": self._model.notes}, b""
            frame = self._model.predict(self._values.frame_of(body))
            table = self._values.table_of(frame, self._outputs)
        except self._refused as error:
            missing = {"missingColumn": error.missing[0]} if error.missing else {}
            return {"problem": _ended(str(error)), **missing}, b""
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a predictor may raise anything
            return _problem(error, "The predictor failed"), b""
        return {"notes": self._model.notes}, table


def _private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take the pipes away from whatever else prints or reads in this process."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return requests, answers


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    end_all()


def end_all() -> None:
    """End this process and what it has started, if it leads a group of its own."""
    with contextlib.suppress(OSError):
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _limit(memory_bytes: int | None) -> None:
    """Turn a far too large allocation into a ``MemoryError`` and keep the rest of the machine."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - not on every system

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # a container may close /proc
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    if memory_bytes is not None:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = memory_bytes + _RESERVED_BYTES
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _problem(error: BaseException, what: str) -> dict[str, Any]:
    """Return an answer that says what went wrong; the stack trace goes to standard error."""
    traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, MemoryError):
        return {"problem": f"{what}: it needs more memory than it may use.", "outOfMemory": True}
    message = str(error)
    if isinstance(error, ValueError) and message:  # the predictor's own words about the data
        return {"problem": _ended(message)}
    return {"problem": _ended(f"{what}: {type(error).__name__}: {message}")}


def _ended(message: str) -> str:
    first = message.strip().splitlines()[0] if message.strip() else ""
    cut = first if len(first) <= _LONGEST_MESSAGE else first[:_LONGEST_MESSAGE] + " ..."
    return cut if cut.endswith((".", "...")) else cut + "."


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    end_all()  # a thread, a pool or a process that a library left behind holds nothing up
