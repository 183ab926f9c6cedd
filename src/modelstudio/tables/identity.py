"""Tells that two ways to write a value are the same one: 101, 101.0 and "101"; True and "true"."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")
_WORDS = frozenset({"true", "false"})


def plain(text: str) -> str:
    """Return how the value of a text is written without the marks that its type has left.

    A whole number loses its decimals, a truth value its capitals, any text the spaces around it;
    codes such as ``007`` and numbers such as ``1.50`` stay what they are.
    """
    text = text.strip()
    match = _WHOLE.fullmatch(text)
    if match is not None:
        return "0" if match[1] == "-0" else match[1]
    if "e+" in text:  # a float of 1e16 or more
        return _unscaled(text)
    word = text.casefold()
    return word if word in _WORDS else text


def _unscaled(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text
