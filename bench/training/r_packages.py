"""Where the tables of Debian's R packages lie."""

from __future__ import annotations

from bench.training.sets import RObject

_LIBRARY = "usr/lib/R/site-library"


def lazy(debian: str, library: str, name: str) -> RObject:
    """Return a table of a package that keeps all of them in one lazy-load database."""
    return RObject(debian, f"{_LIBRARY}/{library}/data/Rdata.rdx", name)


def single(debian: str, library: str, name: str) -> RObject:
    """Return a table of a package that has a file for each."""
    return RObject(debian, f"{_LIBRARY}/{library}/data/{name}.rda", name)


def modeldata(name: str) -> RObject:
    return lazy("r-cran-modeldata", "modeldata", name)


def mlbench(name: str) -> RObject:
    return single("r-cran-mlbench", "mlbench", name)
