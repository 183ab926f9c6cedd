"""Whether quotes are where quotes may be, told block by block as it is letter by letter."""

from __future__ import annotations

import random

from modelstudio.tables.files.quotes import Quotes, examined


def letter_by_letter(text: bytes) -> Quotes:
    """Read a text as the rules are written."""
    place, newlines = 0, False
    stops = b"\n\r,"
    begins = True
    while place < len(text):
        if not begins or text[place] != 34:
            begins = text[place] in stops
            place += 1
            continue
        begun, place = place, place + 1
        while text[place : place + 1] != b'"' or text[place + 1 : place + 2] == b'"':
            if place >= len(text):
                return Quotes(begun, newlines=False)
            newlines = newlines or text[place] in b"\n\r"
            place += 2 if text[place] == 34 else 1
        place += 1
        if place < len(text) and text[place] not in stops:
            return Quotes(begun, newlines=False)
        begins = False
    return Quotes(None, newlines)


def test_blocks_and_letters_tell_the_same() -> None:
    chance = random.Random(1)
    for _ in range(20_000):
        text = bytes(chance.choice(b'"",,\na"x\r') for _ in range(chance.randint(0, 30)))
        cuts = sorted(chance.randint(0, len(text)) for _ in range(chance.randint(0, 4)))
        ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
        found = examined((text[begin:end] for begin, end in ends if end > begin), ",")
        expected = letter_by_letter(text)
        assert found.wrong == expected.wrong, text
        if found.wrong is None:
            assert found.newlines == expected.newlines, text


def test_many_quotes_in_one_block_are_seen_to_the_last() -> None:
    text = b'"a","b"\n' * 100_000
    assert examined(iter([text]), ",") == Quotes(None, newlines=False)
    assert examined(iter([text, b'"c\n"']), ",") == Quotes(None, newlines=True)
    assert examined(
        iter(
            [text, b'"c'],
        ),
        ",",
    ).wrong == len(text)
    assert examined(iter([text, b'x"c\n', b'"d"e']), ",").wrong == len(text) + 4
