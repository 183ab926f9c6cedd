"""The services of datasets on a database of their own, without a server."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from databases import new_postgres, new_sqlite
from modelstudio.app import open_datasets
from modelstudio.bootstrap import open_prepared
from modelstudio.datasets.uploads import Upload, Uploads
from modelstudio.kit.routing import Caller
from modelstudio.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import pytest

    from modelstudio.app import Datasets, Foundation
    from modelstudio.datasets.store import File, Transaction


@dataclass
class InProcess:
    foundation: Foundation
    datasets: Datasets
    caller: Caller
    uploads: Uploads
    made: int = 0

    @property
    def database(self) -> Any:
        return self.foundation.database

    def new_dataset(self) -> str:
        """Create a dataset in the first project; return its RID."""
        self.made += 1
        with self.database.write() as tx:
            home = self.foundation.filesystem.by_path(tx, self.caller, "/Main/Home")
            return self.datasets.service.create(
                tx, self.caller, name=f"dataset {self.made}", folder_rid=home.rid
            ).rid

    def open(self, dataset: str, type_: str) -> Transaction:
        with self.database.write() as tx:
            return self.datasets.service.open_transaction(tx, self.caller, dataset, "master", type_)

    def put(self, dataset: str, path: str, data: bytes = b"", **where: Any) -> File:
        """Upload a file, to its own transaction unless ``transaction_rid`` says which."""
        upload = Upload(dataset, path, **where)
        self.uploads.admit(self.caller, upload)
        key, size = asyncio.run(self.uploads.save(_chunks(data)))
        return self.uploads.record(self.caller, upload, key, size)

    def commit(self, dataset: str, rid: str) -> Transaction:
        return self.datasets.closer.commit(self.caller, dataset, rid)

    def transaction(self, dataset: str, type_: str, **files: bytes) -> str:
        """Commit a transaction with these files; return its RID."""
        rid = self.open(dataset, type_).rid
        for name, data in files.items():
            self.put(dataset, name, data, transaction_rid=rid)
        return self.commit(dataset, rid).rid

    def paths(self, rid: str, **limits: Any) -> list[str]:
        """Return the paths of the view ending at a transaction."""
        with self.database.read() as tx:
            return [file.path for file in self.datasets.store.view(tx, rid, **limits)]

    def blobs(self) -> set[Path]:
        root = self.foundation.settings.data_dir / "blobs"
        return {path for path in root.rglob("*") if path.is_file()}


@contextmanager
def open_in_process(url: str, data_dir: Path, **settings: Any) -> Iterator[InProcess]:
    foundation = open_prepared(Settings(data_dir=data_dir, database_url=url, **settings))
    datasets = open_datasets(foundation)
    with foundation.database.write() as tx:
        admin = Caller(foundation.identity.user(tx, "admin").id, is_admin=True)
    uploads = Uploads(
        foundation.database,
        datasets.store,
        datasets.service,
        datasets.closer,
        foundation.blobs,
        foundation.clock,
    )
    yield InProcess(foundation, datasets, admin, uploads)
    datasets.tables.close()
    foundation.database.close()


def database_url(dialect: str, request: pytest.FixtureRequest, directory: Path) -> str:
    """Return the URL of an empty database."""
    if dialect == "sqlite":
        return new_sqlite(directory)
    return new_postgres(request.getfixturevalue("postgres_url"))


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data
