"""Typed errors of the ``datasets`` namespace."""

from __future__ import annotations

from typing import Any

from modelstudio.errors import ApiError, Conflict, InvalidArgument, NotFound, PermissionDenied


class DatasetNotFound(NotFound):
    def __init__(self, dataset_rid: str) -> None:
        super().__init__(datasetRid=dataset_rid)


class DatasetViewNotFound(NotFound):
    """The branch has no committed transaction, or its view holds no files."""

    def __init__(self, dataset_rid: str, branch: str) -> None:
        super().__init__(datasetRid=dataset_rid, branch=branch)


class BranchNotFound(NotFound):
    def __init__(self, dataset_rid: str, branch_name: str) -> None:
        super().__init__(datasetRid=dataset_rid, branchName=branch_name)


class TransactionNotFound(NotFound):
    def __init__(
        self, dataset_rid: str, transaction_rid: str, description: str | None = None
    ) -> None:
        super().__init__(description, datasetRid=dataset_rid, transactionRid=transaction_rid)


class SchemaNotFound(NotFound):
    """There is no schema; ``message`` says why, since clients drop the description."""

    def __init__(
        self, dataset_rid: str, branch_name: str, transaction_rid: str | None, problem: str
    ) -> None:
        parameters: dict[str, Any] = {
            "datasetRid": dataset_rid,
            "branchName": branch_name,
            "message": problem,
        }
        if transaction_rid is not None:
            parameters["transactionRid"] = transaction_rid
        super().__init__(problem, **parameters)


class FileNotFoundOnBranch(NotFound):
    def __init__(self, dataset_rid: str, branch_name: str, path: str) -> None:
        super().__init__(datasetRid=dataset_rid, branchName=branch_name, path=path)


class FileNotFoundOnTransactionRange(NotFound):
    def __init__(self, dataset_rid: str, start: str | None, end: str, path: str) -> None:
        parameters: dict[str, Any] = {"datasetRid": dataset_rid, "path": path}
        if start is not None:
            parameters["startTransactionRid"] = start
        super().__init__(**parameters, endTransactionRid=end)


class FileAlreadyExists(NotFound):
    """An APPEND may not replace a file. The wire's status for it is 404."""

    def __init__(self, dataset_rid: str, transaction_rid: str, path: str) -> None:
        super().__init__(datasetRid=dataset_rid, transactionRid=transaction_rid, path=path)


class OpenTransactionAlreadyExists(Conflict):
    def __init__(self, dataset_rid: str, branch_name: str) -> None:
        super().__init__(datasetRid=dataset_rid, branchName=branch_name)


class TransactionNotOpen(InvalidArgument):
    def __init__(self, dataset_rid: str, transaction_rid: str, status: str) -> None:
        super().__init__(
            datasetRid=dataset_rid, transactionRid=transaction_rid, transactionStatus=status
        )


class InvalidTransactionType(InvalidArgument):
    def __init__(
        self, dataset_rid: str, transaction_rid: str, transaction_type: str, description: str
    ) -> None:
        super().__init__(
            description,
            datasetRid=dataset_rid,
            transactionRid=transaction_rid,
            transactionType=transaction_type,
        )


class InvalidBranchName(InvalidArgument):
    def __init__(self, branch_name: str) -> None:
        super().__init__(branchName=branch_name)


class InvalidFilePath(InvalidArgument):
    def __init__(self, file_path: str, reason: str) -> None:
        super().__init__(f"The file path {reason}.", filePath=file_path)


class InvalidSchema(InvalidArgument):
    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message, errorType=error_type, message=message)


class ColumnTypesNotSupported(InvalidArgument):
    def __init__(self, dataset_rid: str, description: str) -> None:
        super().__init__(description, datasetRid=dataset_rid)


class ReadTableError(ApiError):
    """The data is not what its schema says, or cannot be read at all."""

    def __init__(self, dataset_rid: str, message: str) -> None:
        super().__init__(message, datasetRid=dataset_rid, message=message)


class ReadTableTimeout(ApiError):
    code = "TIMEOUT"

    def __init__(self, dataset_rid: str) -> None:
        super().__init__(datasetRid=dataset_rid)


class CreateDatasetPermissionDenied(PermissionDenied):
    def __init__(self, parent_folder_rid: str, name: str) -> None:
        super().__init__(parentFolderRid=parent_folder_rid, name=name)


class CreateTransactionPermissionDenied(PermissionDenied):
    def __init__(self, dataset_rid: str, branch_name: str) -> None:
        super().__init__(datasetRid=dataset_rid, branchName=branch_name)


class CommitTransactionPermissionDenied(PermissionDenied):
    def __init__(self, dataset_rid: str, transaction_rid: str) -> None:
        super().__init__(datasetRid=dataset_rid, transactionRid=transaction_rid)


class AbortTransactionPermissionDenied(PermissionDenied):
    def __init__(self, dataset_rid: str, transaction_rid: str) -> None:
        super().__init__(datasetRid=dataset_rid, transactionRid=transaction_rid)


class PutDatasetSchemaPermissionDenied(PermissionDenied):
    def __init__(self, dataset_rid: str) -> None:
        super().__init__(datasetRid=dataset_rid)


class UploadFilePermissionDenied(PermissionDenied):
    def __init__(self, dataset_rid: str, transaction_rid: str, path: str) -> None:
        super().__init__(
            datasetRid=dataset_rid, transactionRid=transaction_rid, path=path, filePath=path
        )
