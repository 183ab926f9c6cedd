"""Says which trainers can run in an interpreter: a short process in it, and who starts that.

The process loads the specifications of Model Studio's own trainers of that environment and those of
other packages, and prints them as JSON, one object a line. It may crash or hang in a stranger's
code: whoever started it then starts it again without the package that did it. So neither a broken
package nor one that imports half a gigabyte for its specification reaches the server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelstudio.trainers import catalogue, plugins
from modelstudio.trainers.environments import INHERITED, OLDEST_PYTHON, process_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

    from modelstudio.trainers.base import TrainerSpecification

#: Loading specifications takes a fraction of a second; this is for those that hang.
TIMEOUT_SECONDS: Final = 20.0
#: What the process may write to a file, so that a package that never stops printing does not fill
#: the disk.
MOST_BYTES = 64 * 2**20
_MOST_SAID: Final = 10_000
_STARTED: Final = "modelstudio trainer probe"
_LONGEST_PROBLEM: Final = 500
#: Runs in any Python 3, so that an old one can be told from a broken one.
_PROGRAM: Final = f"""
import sys
print("{_STARTED} %d.%d" % sys.version_info[:2])
sys.stdout.flush()
if sys.version_info >= {OLDEST_PYTHON}:
    from modelstudio.trainers.probe import main
    main(sys.argv[1:])
    sys.stderr.flush()
    __import__("os")._exit(0)  # a thread that a package has started would hold it up
"""


class InterpreterError(Exception):
    """The interpreter is no Python that trainers can run in; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A trainer that can run, as JSON, and where it comes from."""

    source: str
    specification: Mapping[str, Any]


@dataclass(slots=True)
class Findings:
    """What an interpreter has.

    Attributes
    ----------
    problems
        Why something is left out, by its source.
    elsewhere
        Of packages in the server's own interpreter, by source: the environment that they ask for.
    """

    offers: list[Offer] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)


# In the process ----------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> None:
    """Print the trainers of an environment ("" for the server's own), but for some sources."""
    most_bytes, environment, *left_out = arguments
    _limit_files(int(most_bytes))
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever packages print while they load is no answer of ours
    if environment:
        for specification in catalogue.built_in().list():
            if specification.environment == environment:
                _offer(out, "modelstudio", specification)
    for point in plugins.found():
        source = plugins.source_of(point)
        if source in left_out:
            continue
        _tell(out, {"loading": source})
        plugin = plugins.load(point)
        _make_room(int(most_bytes))
        if plugin.problem is not None:
            _tell(out, {"source": source, "problem": plugin.problem})
        for specification in plugin.specifications:
            if specification.environment in {None, environment or None}:
                _offer(out, source, specification)
            elif not environment:
                _tell(out, {"source": source, "elsewhere": specification.environment})
    _tell(out, {"done": True})


def _limit_files(most_bytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most))


def _make_room(most_bytes: int) -> None:
    """Forget what was printed when it is too much, so that the next package may print."""
    with contextlib.suppress(OSError):
        if os.fstat(2).st_size >= most_bytes:
            os.ftruncate(2, 0)
            os.lseek(2, 0, os.SEEK_SET)


def _offer(out: IO[str], source: str, specification: TrainerSpecification) -> None:
    try:
        lacking = plugins.missing(specification)
        plain = dataclasses.asdict(specification)
        if lacking:
            raise ValueError(f"{', '.join(lacking)} is not installed there")  # noqa: TRY301
        _tell(out, {"source": source, "specification": plain})
    except Exception as error:  # noqa: BLE001 - a stranger's specification may hold anything
        named = f"{source} ({getattr(specification, 'trainer_id', '')})"
        _tell(out, {"source": named, "problem": str(error)})


def _tell(out: IO[str], line: Mapping[str, Any]) -> None:
    out.write(json.dumps(line, allow_nan=False) + "\n")
    out.flush()


# From outside ------------------------------------------------------------------------------------


def look_into(
    interpreter: str, environment: str | None, timeout_seconds: float = TIMEOUT_SECONDS
) -> Findings:
    """Ask an interpreter which trainers it has.

    Raises
    ------
    InterpreterError
        When it cannot be started, is no Python, or an old one.
    """
    findings = Findings()
    while True:
        arguments = [str(MOST_BYTES), environment or "", *findings.problems]
        with tempfile.TemporaryDirectory(prefix="modelstudio-probe-") as folder:
            lines, ending = _run(
                [interpreter, "-c", _PROGRAM, *arguments], environment, folder, timeout_seconds
            )
        is_done = bool(lines) and "done" in lines[-1]
        culprit = None if is_done else _last_loaded(lines)
        if culprit is not None and culprit not in findings.problems:
            findings.problems[culprit] = f"it ended the process that loaded it: {ending}"
            continue
        if not is_done:
            raise InterpreterError(f"{interpreter} cannot load Model Studio's source: {ending}")
        for line in lines:
            if "specification" in line:
                findings.offers.append(Offer(line["source"], line["specification"]))
            elif "elsewhere" in line:
                findings.elsewhere[line["source"]] = line["elsewhere"]
            elif "problem" in line:
                findings.problems[line["source"]] = line["problem"][:_LONGEST_PROBLEM]
        return findings


def _last_loaded(lines: Sequence[Mapping[str, Any]]) -> str | None:
    loaded = [str(line["loading"]) for line in lines if "loading" in line]
    return loaded[-1] if loaded else None


def _run(
    command: Sequence[str], environment: str | None, folder: str, timeout_seconds: float
) -> tuple[list[dict[str, Any]], str]:
    """Run the probe; return what it printed and how it ended.

    Its output goes to files, so that no process it leaves behind can hold a pipe open.
    """
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    variables = process_environment(inherited, environment, Path(folder) / "source")
    out_path, error_path = Path(folder) / "out", Path(folder) / "err"
    with out_path.open("wb") as out, error_path.open("wb") as errors:
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own interpreter
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                cwd=folder,
                env={**variables, "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )
        except OSError as error:
            raise InterpreterError(f"{command[0]} cannot be started: {error.strerror}") from None
        ending = _wait(process, timeout_seconds)
    first, *rest = _read(out_path, MOST_BYTES).splitlines() or [""]
    said = _read(error_path, _MOST_SAID).strip().splitlines()[-1:]
    _check_python(command[0], first, [*said, ending][0])
    return list(_parsed(rest)), ": ".join([ending, *said])


def _read(path: Path, most_bytes: int) -> str:
    """Return the end of a file."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most_bytes))
        return file.read(most_bytes).decode("utf-8", "replace")


def _parsed(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with contextlib.suppress(ValueError):  # half a line, when it was ended
            yield json.loads(line)


def _wait(process: subprocess.Popen[bytes], timeout_seconds: float) -> str:
    try:
        status = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        _end_group(process.pid)
        process.wait()
        return f"it took longer than {timeout_seconds:g} s"
    except BaseException:  # whoever waits for the probe was interrupted
        _end_group(process.pid)
        process.wait()
        raise
    _end_group(process.pid)  # what a package has started while it was loaded
    return f"exit code {status}" if status >= 0 else f"signal {-status}"


def _end_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _check_python(interpreter: str, first_line: str, said: str) -> None:
    start, _, version = first_line.rpartition(" ")
    if start != _STARTED:
        raise InterpreterError(f"{interpreter} is no working Python: {said}")
    if tuple(map(int, version.split("."))) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise InterpreterError(
            f"{interpreter} is Python {version}; trainers need {oldest} or newer"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
