"""The tree of resources, on both databases."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

import databases
from modelstudio.filesystem.errors import ResourceNameAlreadyExists
from modelstudio.filesystem.service import FilesystemService, Located, Role
from modelstudio.filesystem.store import EVERYONE, FilesystemStore, Resource, resources
from modelstudio.kit.clock import RandomIds
from modelstudio.kit.database import Database, metadata
from modelstudio.kit.routing import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

ADA = "0" * 8 + "-0000-0000-0000-" + "a" * 12
STORE = FilesystemStore()


def resource(name: str, parent: Resource | None, kind: str = "FOLDER", rid: str = "") -> Resource:
    rid = rid or f"ri.compass.main.folder.{RandomIds().uuid()}"
    return Resource(
        rid=rid,
        kind=kind,
        display_name=name,
        description=None,
        parent_rid=parent.rid if parent else None,
        project_rid=None,
        space_rid=parent.space_rid if parent else rid,
        created_by=ADA,
        created_at=1,
        updated_by=ADA,
        updated_at=1,
    )


@pytest.fixture(params=databases.DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = databases.new_sqlite(tmp_path)
    else:
        url = databases.new_postgres(request.getfixturevalue("postgres_url"))
    opened = Database(url)
    with opened.write() as tx:
        metadata.create_all(tx)
    yield opened
    opened.close()


@pytest.fixture
def project(database: Database) -> Resource:
    space = resource("Main", None, "SPACE")
    project = resource("Home", space, "PROJECT")
    with database.write() as tx:
        STORE.add(tx, space)
        STORE.add(tx, project)
    return project


def add(tx: sa.Connection, name: str, parent: Resource) -> Resource:
    added = resource(name, parent)
    STORE.add(tx, added)
    return added


def names(found: list[Resource]) -> list[str]:
    return [one.display_name for one in found]


def test_a_chain_leads_from_a_resource_to_its_space_with_the_roles_on_the_way(
    database: Database, project: Resource
) -> None:
    with database.write() as tx:
        upper = add(tx, "upper", project)
        lower = add(tx, "lower", upper)
        STORE.grant(tx, project.rid, [(ADA, "owner"), (EVERYONE, "viewer"), ("other", "editor")])
        STORE.grant(tx, lower.rid, [(ADA, "editor"), (ADA, "editor")])
    with database.read() as tx:
        chain = STORE.chain(tx, lower.rid, ADA)
        assert names([link.resource for link in chain]) == ["lower", "upper", "Home", "Main"]
        assert [sorted(link.roles) for link in chain] == [["editor"], [], ["owner", "viewer"], []]
        assert [link.roles for link in STORE.chain(tx, lower.rid, "x")][2] == ("viewer",)
        assert STORE.chain(tx, "ri.compass.main.folder.none", ADA) == []


def test_two_siblings_cannot_have_one_name_but_one_of_them_in_the_trash_can(
    database: Database, project: Resource
) -> None:
    with database.write() as tx:
        first = add(tx, "a", project)
    with pytest.raises(IntegrityError), database.write() as tx:
        add(tx, "a", project)
    with database.write() as tx:
        tx.execute(resources.update().where(resources.c.rid == first.rid).values(trashed_at=2))
        second = add(tx, "a", project)
        add(tx, "a", second)
    with database.read() as tx:
        assert names(STORE.children(tx, project.rid, after=None, limit=9)) == ["a"]
        found = STORE.child_named(tx, project.rid, "a")
    assert found == second


def test_the_longest_names_are_kept_and_told_apart(database: Database, project: Resource) -> None:
    """Random characters of four bytes, which no database can compress."""
    chosen = random.Random(7)
    longest = ["".join(chr(chosen.randint(0x10000, 0x10FFFF)) for _ in range(700)) for _ in "ab"]
    with database.write() as tx:
        for name in longest:
            add(tx, name, project)
    with pytest.raises(IntegrityError), database.write() as tx:
        add(tx, longest[0], project)
    with database.read() as tx:
        assert names(STORE.children(tx, project.rid, after=None, limit=9)) == sorted(longest)
        found = STORE.child_named(tx, project.rid, longest[1])
        assert found is not None
        assert found.display_name == longest[1]


def test_children_are_ordered_by_code_point_whatever_the_locale(
    database: Database, project: Resource
) -> None:
    ordered = ["A", "B", "_", "a", "a b", "ab", "b", "\u00e4", "\u4e2d", "\U0001f600"]
    with database.write() as tx:
        for name in random.Random(3).sample(ordered, len(ordered)):
            add(tx, name, project)
    with database.read() as tx:
        assert names(STORE.children(tx, project.rid, after=None, limit=99)) == ordered
        walked: list[Resource] = []
        while page := STORE.children(
            tx,
            project.rid,
            after=(walked[-1].display_name, walked[-1].rid) if walked else None,
            limit=3,
        ):
            walked += page
    assert names(walked) == ordered


def test_a_change_is_noted_on_the_folders_above_only(database: Database, project: Resource) -> None:
    with database.write() as tx:
        upper = add(tx, "upper", project)
        lower = add(tx, "lower", upper)
        beside = add(tx, "beside", upper)
        STORE.touch(tx, lower.rid, by="other", at=5)
    with database.read() as tx:
        found = {one.resource.rid: one.resource for one in STORE.chain(tx, lower.rid, ADA)}
        found |= {one.resource.rid: one.resource for one in STORE.chain(tx, beside.rid, ADA)}
    times = {one.display_name: (one.updated_by, one.updated_at) for one in found.values()}
    assert times == {
        "lower": ("other", 5),
        "upper": ("other", 5),
        "beside": (ADA, 1),
        "Home": (ADA, 1),
        "Main": (ADA, 1),
    }


class CountingClock:
    def now_millis(self) -> int:
        return 1_000


def test_a_name_that_many_want_at_once_goes_to_one(database: Database, project: Resource) -> None:
    service = FilesystemService(STORE, CountingClock(), RandomIds())
    parent = Located(project, "/Main/Home", "NOT_TRASHED", Role.OWNER)
    other = Database(database.url.render_as_string(hide_password=False))
    results: list[str] = []

    def work(one: Database) -> None:
        try:
            with one.write() as tx:
                service.create(
                    tx,
                    Caller(ADA),
                    parent=parent,
                    name="wanted",
                    rid_prefix="ri.compass.main.folder.",
                    kind="FOLDER",
                )
            results.append("made")
        except ResourceNameAlreadyExists:
            results.append("taken")

    threads = [threading.Thread(target=work, args=(one,)) for one in (database, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(results) == ["made"] + ["taken"] * 7


def test_writes_below_one_folder_at_once_do_not_lock_each_other_out(
    database: Database, project: Resource
) -> None:
    with database.write() as tx:
        upper = add(tx, "upper", project)
        lower = [add(tx, str(number), upper) for number in range(4)]
    failures: list[Exception] = []

    def work(folder: Resource) -> None:
        try:
            for number in range(15):
                with database.write() as tx:
                    add(tx, str(number), folder)
                    STORE.touch(tx, folder.rid, by=ADA, at=number)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(folder,)) for folder in lower]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
