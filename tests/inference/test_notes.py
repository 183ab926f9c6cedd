"""What a predictor says of the pieces of a table, as somebody reads it in the end."""

from __future__ import annotations

from modelstudio.inference.notes import Notes


def put_together(*pieces: list[str]) -> list[str]:
    notes = Notes()
    for piece in pieces:
        notes.add(piece)
    return notes.lines()


def test_a_sentence_is_said_once() -> None:
    assert put_together(["a", "b"], [], ["b", "c"]) == ["a", "b", "c"]


def test_counts_of_the_same_thing_are_added_up() -> None:
    assert put_together(
        ["2 of 10 values of column 'x' are no dates, such as 'a', 'b'", "1 rows have no item"],
        ["3 of 10 values of column 'x' are no dates, such as 'c'", "Column 'n': 1 of 9 values"],
        ["4 of 5 values of column 'y' are no dates, such as 'c'", "Column 'n': 2 of 9 values"],
        ["5 rows have no item", "10 Downing Street"],
    ) == [
        "5 of 20 values of column 'x' are no dates, such as 'a', 'b'",
        "6 rows have no item",
        "Column 'n': 3 of 18 values",
        "4 of 5 values of column 'y' are no dates, such as 'c'",
        "10 Downing Street",
    ]


def test_numbers_that_are_no_counts_stay() -> None:
    note = "Column 'number 1': 1 of 2 values are not a number such as 1.234,5"
    assert put_together([note], [note]) == [note.replace("1 of 2", "2 of 4")]


def test_there_are_not_more_than_anybody_reads() -> None:
    assert len(put_together([f"item {number} is not known" for number in range(1000)])) == 100
