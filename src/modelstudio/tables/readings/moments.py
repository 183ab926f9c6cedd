"""Moments: dates, timestamps, months, quarters, weeks, years and times of day as text."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from modelstudio.tables.readings import bits, forms
from modelstudio.tables.readings.base import (
    LONGEST,
    UNFIT,
    ColumnRead,
    is_mark,
    one_array,
    read_distinct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from modelstudio.tables.readings.forms import Found

#: What each form is called; a date with a time of day is a timestamp.
FORM_NAMES: Final[Mapping[int, str]] = {
    bits.YMD: "yyyy-mm-dd",
    bits.DMY: "dd/mm/yyyy",
    bits.MDY: "mm/dd/yyyy",
    bits.YMD2: "yy-mm-dd",
    bits.DMY2: "dd/mm/yy",
    bits.MDY2: "mm/dd/yy",
    bits.COMPACT: "yyyymmdd",
    bits.COMPACT2: "yymmdd",
    bits.COMPACT_DMY: "ddmmyyyy",
    bits.YEAR_MONTH: "yyyymm",
    bits.MONTH: "yyyy-mm",
    bits.MONTH2: "mmm-yy",
    bits.QUARTER: "yyyyQq",
    bits.WEEK: "yyyy-Www",
    bits.YEAR: "yyyy",
    bits.CLOCK: "hh:mm",
    bits.DURATION: "mm:ss",
    bits.SECONDS: "seconds since 1970",
    bits.MILLISECONDS: "milliseconds since 1970",
    bits.MICROSECONDS: "microseconds since 1970",
}
_SORTS: Final[Mapping[int, str]] = {
    bits.YEAR_MONTH: "month", bits.MONTH: "month", bits.MONTH2: "month", bits.QUARTER: "quarter",
    bits.WEEK: "week", bits.YEAR: "year", bits.CLOCK: "time of day", bits.DURATION: "duration",
    bits.SECONDS: "timestamp", bits.MILLISECONDS: "timestamp", bits.MICROSECONDS: "timestamp",
}  # fmt: skip
_SHORT: Final = bits.YMD2 | bits.DMY2 | bits.MDY2 | bits.COMPACT2 | bits.MONTH2
_ORDERS: Final = (bits.YMD, bits.DMY, bits.MDY, bits.YMD2, bits.DMY2, bits.MDY2)
_WORDED: Final = (bits.MONTH, bits.MONTH2, bits.QUARTER, bits.WEEK)
_CLOCKED: Final = (bits.CLOCK, bits.DURATION)
_BY_LENGTH: Final[Mapping[int, tuple[int, ...]]] = {
    4: (bits.YEAR,),
    6: (bits.YEAR_MONTH, bits.COMPACT2),
    8: (bits.COMPACT, bits.COMPACT_DMY),
    9: (bits.SECONDS,),
    10: (bits.SECONDS,),
    12: (bits.MILLISECONDS,),
    13: (bits.MILLISECONDS,),
    15: (bits.MICROSECONDS,),
    16: (bits.MICROSECONDS,),
}
_DATE_LIKE: Final = re.compile(
    r"\d{1,4}(?:st|nd|rd|th|er)?\.?[-/. ]|\d{1,2}[a-z]{3}\d\d|[^\W\d]{2,12}", re.IGNORECASE
)
#: How far two-digit years reach into the future: a date that is written so is rarely later.
_AHEAD: Final = 10
_ANY_WINDOW: Final = 1937
_DAY: Final = 86_400_000_000
_MINUTE: Final = 60_000_000
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are counted without a zone
_ISO: Final = (
    r"^[1-9]\d{3}-\d{2}-\d{2}$",
    r"^[1-9]\d{3}-\d{2}-\d{2}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$",
)


def shape(bare: str) -> int:
    """Return which forms read a text without spaces around it, and what is in it."""
    if len(bare) > LONGEST or not any(character.isdecimal() for character in bare):
        return 0
    digits = bare.removesuffix(".0")
    if digits.isdecimal():
        return _shape_of(bare, _BY_LENGTH.get(len(digits), ()))
    if ":" in bare[:6] or bare[0] == "-":
        found = _shape_of(bare, _CLOCKED)
        if found:
            return found
    found = _shape_of_date(bare) if _DATE_LIKE.match(bare) else 0
    return found or _shape_of(bare, (bits.COMPACT, *_WORDED))


def _shape_of(bare: str, candidates: tuple[int, ...]) -> int:
    made = 0
    for form in candidates:
        found = forms.parse(form, bare, _ANY_WINDOW)
        if found is not None:
            made |= form | _of_time(found)
    return made


def _shape_of_date(bare: str) -> int:
    made, days = 0, {}
    for form in _orders_of(bare):
        found = forms.parse(form, bare, _ANY_WINDOW)
        if found is not None:
            made |= form | _of_time(found)
            days[form] = found.micros
    if not made:
        return 0
    match = forms.separated(bare)
    if match is None:  # 2024-01-31T0930
        return made
    for one, other in ((bits.DMY, bits.MDY), (bits.DMY2, bits.MDY2)):
        if one in days and other in days and days[one] != days[other]:
            made |= bits.TOLD_APART
    if match["half"]:
        made |= bits.HALVED
    separator = match["separator"].strip()
    made |= {".": bits.DOTTED, "/": bits.SLASHED}.get(separator, 0)
    parts = forms.parts_of(match)
    if made & _SHORT and separator != "/" and any(len(part) == 1 for part in parts):
        made |= bits.UNPADDED
    return made


def _orders_of(bare: str) -> tuple[int, ...]:
    """Return the orders that the lengths of a date's parts allow."""
    match = forms.separated(bare)
    if match is None:
        return _ORDERS
    first, _, third = forms.parts_of(match)
    if len(first) == 4 and first.isdecimal():  # noqa: PLR2004
        return (bits.YMD,)
    return (bits.DMY, bits.MDY) if len(third) == 4 else (bits.YMD2, bits.DMY2, bits.MDY2)  # noqa: PLR2004


def _of_time(found: Found) -> int:
    made = bits.TIMED if found.timed else 0
    if found.offset is not None:
        made |= bits.ZONED
    local = found.micros + (found.offset or 0) * 60_000_000
    return made | (bits.LATER if local % _DAY else 0)


def window_of(today: dt.date) -> int:
    """Return the first of the hundred years that two-digit years mean."""
    return today.year + _AHEAD - 99


@dataclass(frozen=True, slots=True)
class MomentReading:
    """Moments in one form. A date with its year first and in four digits is read in any form.

    Attributes
    ----------
    form
        One of `FORM_NAMES`.
    timed
        Whether a time of day was written; else the values are dates.
    zoned
        Whether offsets were written: values are then in UTC.
    dotted
        Whether points separate the parts; for the name alone.
    window
        The first of the hundred years that two-digit years mean.
    zone
        An IANA name, or an offset such as ``+02:00``, in which the moments are meant; None when
        nothing says.
    runs
        Of a column with offsets: from which UTC moment (microseconds) to which each was written,
        in order, so that the clock as written can be had again.
    """

    kind: ClassVar[str] = "moment"
    form: int
    timed: bool = False
    zoned: bool = False
    dotted: bool = False
    window: int = _ANY_WINDOW
    zone: str | None = None
    runs: tuple[tuple[int, int, int], ...] = ()

    @property
    def name(self) -> str:
        words = FORM_NAMES[self.form]
        if self.dotted:
            words = words.replace("/", ".")
        sort = _SORTS.get(self.form, "timestamp" if self.timed else "date")
        if self.form & _SHORT:
            words += f" ({self.window} to {self.window + 99})"
        return f"{sort} {words}"

    @property
    def field_type(self) -> str:
        if self.form == bits.DURATION:
            return "DOUBLE"
        if self.form == bits.CLOCK:
            return "STRING"
        return "TIMESTAMP" if self.timed else "DATE"

    def read(self, text: str) -> Any:
        """Return microseconds since 1970, those of a duration itself for one.

        A date is the day that is written, wherever on Earth it begins; a time of day does not fit.
        """
        found = self.found(text)
        if not isinstance(found, forms.Found):
            return found
        if self.timed or self.form in _CLOCKED:
            return found.micros
        day = found.micros + (found.offset or 0) * _MINUTE
        return UNFIT if day % _DAY else day

    def found(self, text: str) -> Any:
        """Return what was read with the offset that was written, None, or ``UNFIT``."""
        bare = text.strip()
        found = forms.parse(self.form, bare, self.window)
        if found is None and self.form not in _CLOCKED:
            found = forms.parse(bits.YMD, bare, self.window)
        if found is None:
            return None if is_mark(bare) else UNFIT
        return found

    def value(self, given: Any) -> Any:  # noqa: PLR0911 - one for each type
        if isinstance(given, str):
            return self.read(given)
        if given is None or given != given:  # noqa: PLR0124 - NaN and NaT
            return None
        if isinstance(given, dt.datetime):
            return _micros(given)
        if isinstance(given, dt.date):
            return (given.toordinal() - _EPOCH.toordinal()) * _DAY
        if type(given).__name__ == "datetime64":
            made = given.astype("datetime64[us]").astype("int64")
            return int(made)
        if isinstance(given, bool) or self.form not in forms.DIGITS:
            return UNFIT
        return self.read(str(given)) if isinstance(given, int | float) else self.value(given.item())

    def column(self, texts: pa.Array | pa.ChunkedArray) -> ColumnRead:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import compute  # noqa: PLC0415

        pc: Any = compute
        array = one_array(texts)
        if self.form == bits.YMD and not self.zoned:
            # What programs write, Arrow reads to the same moment.
            plain = pc.match_substring_regex(array, _ISO[self.timed])
            if pc.all(pc.or_(plain, array.is_null())).as_py():
                try:
                    fast = array.cast(pa.timestamp("us"))
                except pa.ArrowInvalid:  # the 30th of February
                    pass
                else:
                    return ColumnRead(self._typed(fast), pa.repeat(False, len(array)))
        found = read_distinct(array, self.read, pa.int64())
        if self.form == bits.DURATION:
            return ColumnRead(pc.divide(found.values.cast(pa.float64()), 1e6), found.unfit)
        return ColumnRead(self._typed(found.values.cast(pa.timestamp("us"))), found.unfit)

    def _typed(self, moments: pa.Array) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415

        return (
            moments
            if self.timed or self.form == bits.CLOCK
            else moments.cast(pa.date32(), safe=False)
        )

    def local(self, micros: Any) -> Any:
        """Return moments (an int64 array) on the clock as written; without runs as they are."""
        if not self.runs:
            return micros
        import numpy as np  # noqa: PLC0415

        begins = np.array([run[0] for run in self.runs], dtype="int64")
        offsets = np.array([run[2] for run in self.runs], dtype="int64") * 60_000_000
        places = np.maximum(np.searchsorted(begins, micros, side="right") - 1, 0)
        return micros + offsets[places]

    @classmethod
    def in_zone(cls, zone: str) -> Self:
        """Return the reading of timestamps that are typed as such, in UTC and meant in a zone."""
        return cls(bits.YMD, timed=True, zoned=True, zone=zone)

    def state(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "form": FORM_NAMES[self.form],
            "timed": self.timed,
            "zoned": self.zoned,
            "dotted": self.dotted,
            "window": self.window,
            "zone": self.zone,
            "runs": [list(run) for run in self.runs],
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        runs = tuple((run[0], run[1], run[2]) for run in state["runs"])
        form = next(form for form, name in FORM_NAMES.items() if name == state["form"])
        flags = (state["timed"], state["zoned"], state["dotted"])
        return cls(form, *flags, state["window"], state["zone"], runs)


def _micros(moment: dt.datetime) -> int:
    offset = moment.utcoffset()
    naive = moment.replace(tzinfo=None) - _EPOCH
    micros = (naive.days * 86_400 + naive.seconds) * 1_000_000 + naive.microseconds
    return micros if offset is None else micros - offset // dt.timedelta(microseconds=1)


def named(words: str) -> MomentReading | None:
    """Return the reading of a name such as ``date dd.mm.yyyy`` or ``timestamp mm/dd/yyyy``."""
    sort, _, form = words.partition(" ")
    if words.startswith("time of day"):
        sort, form = "time", words.removeprefix("time of day").strip()
    form, _, years = form.partition(" (")
    plain = re.sub(r"[./-]", "/", form.strip())
    window = int(years[:4]) if years[:4].isdecimal() else window_of(dt.datetime.now(dt.UTC).date())
    for known, name in FORM_NAMES.items():
        if form.strip() == name or re.sub(r"[./-]", "/", name) == plain:
            return MomentReading(
                known, timed=sort == "timestamp", dotted="." in form, window=window
            )
    return None


def may_be_moment(length: int) -> bool:
    """Whether a whole number of so many digits may be a date, a month, a year or seconds."""
    return length in _BY_LENGTH
