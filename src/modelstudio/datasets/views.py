"""Which files a request means: names of branches, paths, and ranges of transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelstudio.datasets.errors import InvalidBranchName, InvalidFilePath
from modelstudio.datasets.store import MAX_BRANCH_LENGTH, MAX_PATH_BYTES
from modelstudio.errors import InvalidParameterCombination
from modelstudio.kit import rids

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_BRANCH: Final = "master"
_BRANCH: Final = "branchName"
_START: Final = "startTransactionRid"
_END: Final = "endTransactionRid"
_FILE_RANGES: Final[tuple[list[str], ...]] = ([], [_BRANCH], [_END], [_START, _END])
_TABLE_RANGES: Final[tuple[list[str], ...]] = (
    *_FILE_RANGES,
    [_BRANCH, _END],
    [_BRANCH, _START, _END],
)


@dataclass(frozen=True, slots=True)
class Range:
    """A view as a request names it: of a branch, or from one transaction to another."""

    branch: str | None = None
    start_rid: str | None = None
    end_rid: str | None = None

    @property
    def branch_name(self) -> str:
        return DEFAULT_BRANCH if self.branch is None else self.branch


def file_range(branch: str | None, start_rid: str | None, end_rid: str | None) -> Range:
    """Return the range that a request for files means.

    Raises
    ------
    InvalidParameterCombination
        For a start without an end, and for a branch with either.
    InvalidBranchName
    """
    _check(_FILE_RANGES, branch, start_rid, end_rid)
    if branch is not None:
        check_branch_name(branch)
    return Range(branch, start_rid, end_rid)


def table_range(branch: str | None, start_rid: str | None, end_rid: str | None) -> Range:
    """Return the range that a request for a table means; the branch may be named as well.

    Raises
    ------
    InvalidParameterCombination
        For a start without an end.
    """
    _check(_TABLE_RANGES, branch, start_rid, end_rid)
    return Range(branch, start_rid, end_rid)


def check_branch_name(name: str) -> str:
    """Return a name that a branch may have.

    Raises
    ------
    InvalidBranchName
        For an empty or over-long name, and one that looks like a RID or UUID.
    """
    if not name.strip() or len(name) > MAX_BRANCH_LENGTH or rids.is_rid(name) or rids.is_uuid(name):
        raise InvalidBranchName(name[:MAX_BRANCH_LENGTH])
    return name


def check_path(path: str) -> str:
    """Return a path that a file may have.

    Raises
    ------
    InvalidFilePath
        For an empty, absolute or over-long path, one with an empty part, ``.`` or ``..``, and one
        with control characters or bytes that are not UTF-8.
    """
    reason = _fault_of(path)
    if reason is not None:
        raise InvalidFilePath(path[:MAX_PATH_BYTES], reason)
    return path


def _fault_of(path: str) -> str | None:
    parts = path.split("/")
    faults = (
        (not path, "is empty"),
        (path.startswith("/"), "begins with a slash"),
        ("" in parts, "has an empty part"),
        ("." in parts or ".." in parts, "has a part that is . or .."),
        (any(char < " " or char == "\x7f" for char in path), "has a control character in it"),
        ("\ufffd" in path, "is not UTF-8 text"),  # what decoding puts in place of other bytes
        (len(path.encode(errors="replace")) > MAX_PATH_BYTES, f"is over {MAX_PATH_BYTES} bytes"),
    )
    return next((reason for found, reason in faults if found), None)


def _check(
    valid: Sequence[list[str]], branch: str | None, start_rid: str | None, end_rid: str | None
) -> None:
    values = {_BRANCH: branch, _START: start_rid, _END: end_rid}
    provided = [name for name, value in values.items() if value is not None]
    if provided not in valid:
        raise InvalidParameterCombination([*valid], provided)
