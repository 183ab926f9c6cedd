"""`make bench-training`: fit engines on real tables, keep the results, write the page."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.training import cache, datasets, harness, page, records
from bench.training.engines import DEFAULT_ENGINES, ENGINES

_PAGE = cache.ROOT / "docs" / "benchmarks" / "training.md"
_MARK = "<!-- results: what follows is written by make bench-training ARGS=--write -->"


def main() -> None:
    options = _options()
    sets = options.sets or [wanted.name for wanted in datasets.GROUPS[options.group]]
    if not options.summary:
        for name in sets:
            datasets.path(name)
        wanted = list(harness.fits(options.engines, sets, options.budgets, options.seeds))
        harness.run(wanted, options.results, options.wrap, again=options.again)
    known = list(records.read(options.results).values())
    text = page.body(known, options.engines, options.budgets)
    print(text)
    if options.write:
        before, _, _ = _PAGE.read_text(encoding="utf-8").partition(_MARK)
        _PAGE.write_text(f"{before}{_MARK}\n\n{text}", encoding="utf-8")


def _options() -> argparse.Namespace:
    every = [wanted.name for group in datasets.GROUPS.values() for wanted in group]
    parser = argparse.ArgumentParser(
        description="A full run takes most of a day on one core; it goes on where it was stopped."
    )
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=DEFAULT_ENGINES)
    parser.add_argument("--group", choices=datasets.GROUPS, default="target", help="of sets")
    parser.add_argument("--sets", nargs="+", choices=every, metavar="SET", help="not a whole group")
    parser.add_argument("--budgets", nargs="+", type=int, default=page.BUDGETS, metavar="SECONDS")
    parser.add_argument("--seeds", nargs="+", type=int, default=page.SEEDS, metavar="SEED")
    parser.add_argument("--again", action="store_true", help="measure what has a result, too")
    parser.add_argument("--wrap", default="", metavar="COMMAND", help="run each fit through this")
    parser.add_argument("--summary", action="store_true", help="measure nothing")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/training.md")
    parser.add_argument("--results", type=Path, default=records.results_file(), metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
