"""What is said of a file that is no table."""

from __future__ import annotations


class Unreadable(Exception):
    """The data is not what it should be; the message is for the user."""
