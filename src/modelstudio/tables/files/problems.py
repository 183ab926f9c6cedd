"""What is said of a file that is no table."""

from __future__ import annotations


class Unreadable(Exception):
    """The data is not what it should be; the message is for the user."""


class Empty(Unreadable):
    """There is nothing in the file, as in some of those that a cluster writes."""

    def __init__(self) -> None:
        super().__init__("It is empty.")
