"""Takes in files: checks first, then bytes, then checks again and the row.

The bytes go to a blob as they arrive; meanwhile no database transaction is open, and a thread is
used only while a piece is written. The row is written when all bytes are there, so an upload that
is broken off leaves nothing. A file that is uploaded to no transaction gets one of its own only
then: so a slow upload keeps nobody from the branch, and a server that dies leaves none open.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from modelstudio.datasets import errors
from modelstudio.datasets.closing import NewFile
from modelstudio.datasets.store import File
from modelstudio.datasets.views import DEFAULT_BRANCH, check_branch_name, check_path
from modelstudio.errors import ApiError, InvalidArgument, InvalidParameterCombination
from modelstudio.filesystem.service import Role
from modelstudio.kit.blobs import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import sqlalchemy as sa

    from modelstudio.datasets.closing import TransactionCloser
    from modelstudio.datasets.service import DatasetService
    from modelstudio.datasets.store import DatasetStore, Transaction
    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.clock import Clock
    from modelstudio.kit.database import Database
    from modelstudio.kit.routing import Caller

_PIECE_BYTES: Final = 1 << 20
_COMBINATIONS: Final[tuple[list[str], ...]] = (
    [], ["branchName"], ["transactionType"], ["branchName", "transactionType"], ["transactionRid"],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a file is to go: to an open transaction, or to one of its own on a branch."""

    dataset_rid: str
    path: str
    branch: str | None = None
    transaction_rid: str | None = None
    type: str | None = None

    def check(self) -> None:
        """Refuse what needs no look at the dataset to be seen as wrong.

        Raises
        ------
        InvalidParameterCombination, InvalidBranchName, InvalidFilePath, InvalidArgument
        """
        values = {
            "branchName": self.branch,
            "transactionType": self.type,
            "transactionRid": self.transaction_rid,
        }
        provided = [name for name, value in values.items() if value is not None]
        if provided not in _COMBINATIONS:
            raise InvalidParameterCombination([*_COMBINATIONS], provided)
        if self.branch is not None:
            check_branch_name(self.branch)
        check_path(self.path)
        if self.type == "DELETE":
            raise InvalidArgument("A DELETE transaction takes no uploads.")

    def new_file(self, blob_key: str, size_bytes: int) -> NewFile:
        return NewFile(
            self.dataset_rid,
            self.branch or DEFAULT_BRANCH,
            self.type or "UPDATE",
            self.path,
            blob_key,
            size_bytes,
        )


class Uploads:
    """Opens short transactions of its own; safe for threads."""

    def __init__(
        self,
        database: Database,
        store: DatasetStore,
        datasets: DatasetService,
        closer: TransactionCloser,
        blobs: BlobStore,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._datasets = datasets
        self._closer = closer
        self._blobs = blobs
        self._clock = clock

    def admit(self, caller: Caller, upload: Upload) -> None:
        """Check that the upload can be recorded, as far as can be told before it is there.

        Raises
        ------
        ApiError
            What `record` would raise.
        """
        upload.check()
        with self._database.read() as tx:
            if upload.transaction_rid is None:
                self._closer.check_new(tx, caller, upload.new_file("", 0))
                return
            self._require(tx, caller, upload, upload.transaction_rid)
            transaction = self._datasets.transaction(tx, upload.dataset_rid, upload.transaction_rid)
            if transaction.status != "OPEN":
                raise errors.TransactionNotOpen(
                    upload.dataset_rid, transaction.rid, transaction.status
                )
            self._refuse_by_type(tx, upload, transaction)

    async def save(self, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        """Write the bytes to a new blob; return its key and size. Leaves no blob if it fails."""
        key = new_key("files")
        stack = ExitStack()
        try:
            file = await run_in_threadpool(stack.enter_context, self._blobs.write(key))
            size = await _copy(chunks, file)
        except BaseException:
            # Not awaited: a cancelled task could not wait for it, and it only removes a file.
            stack.__exit__(*sys.exc_info())
            raise
        await run_in_threadpool(stack.close)
        return key, size

    def record(self, caller: Caller, upload: Upload, blob_key: str, size_bytes: int) -> File:
        """Make the blob a file of the dataset; removes the blob if that cannot be.

        Raises
        ------
        DatasetNotFound, BranchNotFound, TransactionNotFound, TransactionNotOpen
        OpenTransactionAlreadyExists, FileAlreadyExists, InvalidTransactionType
        CreateTransactionPermissionDenied, UploadFilePermissionDenied
        """
        try:
            if upload.transaction_rid is None:
                return self._closer.publish(caller, upload.new_file(blob_key, size_bytes))
            return self._record(caller, upload, upload.transaction_rid, blob_key, size_bytes)
        except ApiError:  # after anything else the row may be there nevertheless
            self._blobs.delete(blob_key)
            raise

    def _record(
        self, caller: Caller, upload: Upload, rid: str, blob_key: str, size_bytes: int
    ) -> File:
        with self._database.write() as tx:
            self._require(tx, caller, upload, rid)
            transaction = self._datasets.lock_open(tx, upload.dataset_rid, rid)
            self._refuse_by_type(tx, upload, transaction)
            file = File(upload.path, rid, blob_key, size_bytes, self._clock.now_millis())
            replaced = self._store.put_file(tx, file)
        if replaced is not None:
            self._blobs.delete(replaced)
        return file

    def _require(self, tx: sa.Connection, caller: Caller, upload: Upload, rid: str) -> None:
        denied = errors.UploadFilePermissionDenied(upload.dataset_rid, rid, upload.path)
        self._datasets.require(tx, caller, upload.dataset_rid, role=Role.EDITOR, denied=denied)

    def _refuse_by_type(self, tx: sa.Connection, upload: Upload, transaction: Transaction) -> None:
        if transaction.type == "DELETE":
            raise errors.InvalidTransactionType(
                upload.dataset_rid,
                transaction.rid,
                transaction.type,
                "A DELETE transaction takes no uploads.",
            )
        if transaction.type == "APPEND" and self._store.view_file(tx, transaction.rid, upload.path):
            raise errors.FileAlreadyExists(upload.dataset_rid, transaction.rid, upload.path)


async def _copy(chunks: AsyncIterator[bytes], file: IO[bytes]) -> int:
    """Write chunks in pieces large enough to be worth a thread; return the number of bytes."""
    size = 0
    piece = bytearray()
    async for chunk in chunks:
        piece += chunk
        size += len(chunk)
        if len(piece) >= _PIECE_BYTES:
            await run_in_threadpool(file.write, piece)
            piece = bytearray()
    await run_in_threadpool(file.write, piece)
    return size
