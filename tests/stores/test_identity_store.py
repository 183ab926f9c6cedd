"""Users, tokens and secrets, on both databases."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import databases
from modelstudio.errors import Unauthorized
from modelstudio.identity.service import IdentityService, TokenAuthenticator
from modelstudio.identity.store import IdentityStore, User
from modelstudio.kit.clock import RandomIds
from modelstudio.kit.database import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import sqlalchemy as sa


class StoppedClock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def now_millis(self) -> int:
        return self.now


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
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def identity(clock: StoppedClock) -> IdentityService:
    return IdentityService(IdentityStore(), clock, RandomIds())


@pytest.fixture
def authenticator(database: Database, clock: StoppedClock) -> Iterator[TokenAuthenticator]:
    reader = database.direct()
    yield TokenAuthenticator(reader, clock)
    reader.close()


def at_once(database: Database, work: Callable[[sa.Connection], object]) -> list[object]:
    """Do the work in six threads and transactions at once; return what each got."""
    other = Database(database.url.render_as_string(hide_password=False))
    ready = threading.Barrier(6)
    results: list[object] = []

    def run(one: Database) -> None:
        ready.wait()
        try:
            with one.write() as tx:
                results.append(work(tx))
        except Exception as error:  # noqa: BLE001 - shown by the test
            results.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in (database, other) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    return results


def test_a_user_is_made_once_and_found_by_name(
    database: Database, identity: IdentityService
) -> None:
    with database.write() as tx:
        made = identity.user(tx, "ada")
    with database.write() as tx:
        assert identity.user(tx, "ada") == made
        assert identity.user(tx, "Ada").id != made.id
        assert identity.user(tx, "admin").is_admin
    assert not made.is_admin


def test_a_user_asked_for_by_many_at_once_is_one(
    database: Database, identity: IdentityService
) -> None:
    found = at_once(database, lambda tx: identity.user(tx, "ada"))
    assert len(set(found)) == 1
    assert isinstance(found[0], User)


def test_a_secret_asked_for_by_many_at_once_is_one(
    database: Database, identity: IdentityService
) -> None:
    found = at_once(database, lambda tx: identity.secret(tx, "page-tokens"))
    assert len(set(found)) == 1
    assert isinstance(found[0], bytes)
    assert len(found[0]) == 32


def test_a_secret_stays_and_differs_by_name(database: Database, identity: IdentityService) -> None:
    with database.write() as tx:
        first, second = identity.secret(tx, "a"), identity.secret(tx, "b")
    with database.write() as tx:
        assert (identity.secret(tx, "a"), identity.secret(tx, "b")) == (first, second)
    assert first != second


def test_a_token_stands_for_its_user(
    database: Database, identity: IdentityService, authenticator: TokenAuthenticator
) -> None:
    with database.write() as tx:
        ada = identity.user(tx, "ada")
        everything = identity.create_token(tx, ada.id)
        scoped = identity.create_token(tx, ada.id, scopes=["api:models-read", "api:a"])
        nothing = identity.create_token(tx, ada.id, scopes=[])
    caller = authenticator.authenticate(f"Bearer {everything}")
    assert (caller.user_id, caller.is_admin, caller.scopes) == (ada.id, False, None)
    scopes = authenticator.authenticate(f"Bearer {scoped}").scopes
    assert scopes == frozenset({"api:models-read", "api:a"})
    assert authenticator.authenticate(f"Bearer {nothing}").scopes == frozenset()


def test_a_token_of_a_user_that_is_not_committed_is_unknown(
    database: Database, identity: IdentityService, authenticator: TokenAuthenticator
) -> None:
    with database.write() as tx:
        token = identity.create_token(tx, identity.user(tx, "ada").id)
        with pytest.raises(Unauthorized):
            authenticator.authenticate(f"Bearer {token}")
    assert authenticator.authenticate(f"Bearer {token}").scopes is None


def test_a_token_is_good_until_exactly_its_end(
    database: Database,
    identity: IdentityService,
    authenticator: TokenAuthenticator,
    clock: StoppedClock,
) -> None:
    with database.write() as tx:
        token = identity.create_token(tx, identity.user(tx, "ada").id, ttl_seconds=10)
    clock.now += 9_999
    assert authenticator.authenticate(f"Bearer {token}")
    clock.now += 1
    with pytest.raises(Unauthorized):
        authenticator.authenticate(f"Bearer {token}")


def test_the_tokens_of_a_job_are_revoked_together_and_no_others(
    database: Database, identity: IdentityService, authenticator: TokenAuthenticator
) -> None:
    with database.write() as tx:
        ada = identity.user(tx, "ada").id
        mine = [identity.create_token(tx, ada, job_rid="ri.foundry-build.main.job.1")] * 2
        other = identity.create_token(tx, ada, job_rid="ri.foundry-build.main.job.2")
        user = identity.create_token(tx, ada)
    assert authenticator.authenticate(f"Bearer {mine[0]}").job_rid == "ri.foundry-build.main.job.1"
    with database.write() as tx:
        identity.revoke_job_tokens(tx, "ri.foundry-build.main.job.1")
    for token in mine:
        with pytest.raises(Unauthorized):
            authenticator.authenticate(f"Bearer {token}")
    assert authenticator.authenticate(f"Bearer {other}")
    assert authenticator.authenticate(f"Bearer {user}").job_rid is None


def test_unknown_users_are_found_among_many(database: Database, identity: IdentityService) -> None:
    with database.write() as tx:
        ada = identity.user(tx, "ada").id
        strangers = {f"stranger {number}" for number in range(70_000)}
        assert identity.unknown_users(tx, {ada, *strangers}) == strangers
        assert identity.unknown_users(tx, set()) == set()


def test_a_token_is_known_to_its_own_database_only(
    database: Database, identity: IdentityService
) -> None:
    with database.write() as tx:
        token = identity.create_token(tx, identity.user(tx, "ada").id)
        assert identity.knows_token(tx, token)
        assert not identity.knows_token(tx, token + "x")
        assert not identity.knows_token(tx, "")
