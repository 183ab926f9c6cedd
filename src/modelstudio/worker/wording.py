"""Amounts and the limits on them, in words for the user."""

from __future__ import annotations

from typing import Final

_GIGABYTE: Final = 10**9
_MEGABYTE: Final = 10**6
_LONGEST_TEXT: Final = 10_000


def size(amount: int) -> str:
    """Write an amount of bytes for people."""
    if amount >= _GIGABYTE:
        return f"{amount / _GIGABYTE:.1f} GB"
    return f"{amount / _MEGABYTE:.0f} MB"


def in_same_unit(used: int, allowed: int) -> tuple[str, str]:
    """Write two amounts so that they can be compared: in the same unit, and different."""
    unit, one = ("GB", _GIGABYTE) if allowed >= _GIGABYTE else ("MB", _MEGABYTE)
    digits = 1 if unit == "GB" else 0
    if used != allowed and f"{used / one:.{digits}f}" == f"{allowed / one:.{digits}f}":
        digits += 2
    return f"{used / one:.{digits}f} {unit}", f"{allowed / one:.{digits}f} {unit}"


def out_of_memory(used: int, limit: int) -> str:
    return "Out of memory: used {} of {}.".format(*in_same_unit(used, limit))


def out_of_disk(used: int, limit: int) -> str:
    return "Out of disk: used {} of {}.".format(*in_same_unit(used, limit))


def clean(text: str) -> str:
    """Make a text fit for JSON and any database: no NUL, no half of a pair, not endless."""
    # Half a surrogate pair is a str in Python but no UTF-8; the server would refuse it.
    text = str(text).encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) > _LONGEST_TEXT:
        return f"{text[:_LONGEST_TEXT]} ... ({len(text) - _LONGEST_TEXT} more characters)"
    return text
