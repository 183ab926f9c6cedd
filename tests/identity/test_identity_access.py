"""Who may call: credentials, tokens, scopes and the preview gate, on a real server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import foundry_sdk
import httpx
import pytest
import sqlalchemy as sa

from modelstudio.identity import store
from modelstudio.kit.database import Database, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from support import RunningServer

SPACES = "/api/v2/filesystem/spaces"
TRAINERS = "/api/v2/models/modelStudioTrainers"


def get(server: RunningServer, path: str, authorization: str | None = None) -> httpx.Response:
    headers = {} if authorization is None else {"authorization": authorization}
    return httpx.get(server.url + path, headers=headers)


# credentials ---------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic dTpw", "token"])
def test_a_request_without_a_bearer_token_misses_credentials(
    server: RunningServer, authorization: str | None
) -> None:
    answer = get(server, SPACES, authorization)
    assert answer.status_code == 401
    assert answer.json()["errorName"] == "MissingCredentials"
    assert answer.json()["errorCode"] == "UNAUTHORIZED"
    assert answer.json()["parameters"] == {}


@pytest.mark.parametrize(
    "token", ["x", "x" * 10_000, "' OR 1=1 --", "a b", "v1.abc", "\u00e9".encode("latin-1")]
)
def test_an_unknown_token_is_unauthorized(server: RunningServer, token: str | bytes) -> None:
    raw = token if isinstance(token, bytes) else token.encode()
    answer = httpx.get(server.url + SPACES, headers={b"authorization": b"Bearer " + raw})
    assert answer.status_code == 401
    assert answer.json()["errorName"] == "Default:Unauthorized"


def test_the_scheme_may_be_written_in_small_letters(server: RunningServer) -> None:
    assert get(server, SPACES, f"bearer {server.admin_token}").status_code == 200


def test_the_official_client_sees_a_bad_token(server: RunningServer) -> None:
    with pytest.raises(foundry_sdk.UnauthorizedError) as caught:
        list(server.client("nonsense").filesystem.Space.list())
    assert caught.value.name == "Default:Unauthorized"


def test_a_stranger_learns_nothing_from_a_malformed_request(server: RunningServer) -> None:
    path = "/api/v2/filesystem/folders/nonsense/children?pageSize=-1&preview=nonsense"
    assert get(server, path).json()["errorName"] == "MissingCredentials"


# tokens --------------------------------------------------------------------------------------


def test_creating_a_token_prints_the_token_and_nothing_else(server: RunningServer) -> None:
    done = server.run_cli("token", "create", "--user", "ada")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert len(done.stdout.strip()) >= 40
    assert get(server, SPACES, f"Bearer {done.stdout.strip()}").status_code == 200


def test_tokens_of_one_user_are_one_caller(server: RunningServer) -> None:
    space = next(iter(server.client().filesystem.Space.list())).rid
    names = {"default_roles": [], "organization_rids": [], "role_grants": {}, "space_rid": space}
    creators = [
        server.client(server.token("grace"))
        .filesystem.Project.create(display_name=f"of grace {number}", **names)
        .created_by
        for number in range(2)
    ]
    assert creators[0] == creators[1]


def test_a_token_ends_with_its_time_to_live(server: RunningServer) -> None:
    token = server.token("ada", ttl="2s")
    until = time.monotonic() + 2
    assert get(server, SPACES, f"Bearer {token}").status_code == 200
    time.sleep(until - time.monotonic() + 0.1)
    answer = get(server, SPACES, f"Bearer {token}")
    assert (answer.status_code, answer.json()["errorName"]) == (401, "Default:Unauthorized")


def test_a_revoked_token_ends_at_once(start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    token = server.token("ada")
    assert get(server, SPACES, f"Bearer {token}").status_code == 200
    database = Database(sqlite_url(server.data_dir / "modelstudio.db"))
    with database.write() as tx:
        ada = sa.select(store.users.c.id).where(store.users.c.username == "ada")
        tx.execute(
            store.tokens.update().where(store.tokens.c.user_id.in_(ada)).values(revoked_at=1)
        )
    database.close()
    assert get(server, SPACES, f"Bearer {token}").status_code == 401
    assert get(server, SPACES, f"Bearer {server.admin_token}").status_code == 200


def test_a_token_is_not_kept_in_the_data_directory(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    token = server.token("ada").encode()
    assert get(server, SPACES, f"Bearer {token.decode()}").status_code == 200
    kept = [path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file()]
    assert kept
    assert not any(token in content for content in kept)


@pytest.mark.parametrize("ttl", ["0s", "-1s", "5", "1w", "1.5h", "", "99999999999999d"])
def test_a_time_to_live_that_makes_no_sense_is_explained(server: RunningServer, ttl: str) -> None:
    done = server.run_cli("token", "create", "--user", "ada", f"--ttl={ttl}")
    assert done.returncode == 2
    assert "30s, 15m, 1h or 7d" in done.stderr
    assert done.stdout == ""


def test_the_longest_time_to_live_is_kept(server: RunningServer) -> None:
    token = server.token("ada", ttl="999999999d")
    assert get(server, SPACES, f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("user", ["", "  ", "x" * 201, "a\nb", "\udcff"])
def test_a_user_name_that_makes_no_sense_is_explained(server: RunningServer, user: str) -> None:
    done = server.run_cli("token", "create", f"--user={user}")
    assert done.returncode == 2
    assert "printable" in done.stderr
    assert "Traceback" not in done.stderr


# scopes --------------------------------------------------------------------------------------


def test_a_token_with_the_scope_is_let_in(server: RunningServer) -> None:
    reader = server.client(server.token("ada", "api:filesystem-read"))
    assert [space.display_name for space in reader.filesystem.Space.list()] == ["Main"]


def test_a_token_without_the_scope_is_told_which_is_missing(server: RunningServer) -> None:
    reader = server.client(server.token("ada", "api:filesystem-read", "api:models-write"))
    with pytest.raises(foundry_sdk.PermissionDeniedError) as caught:
        reader.filesystem.Folder.create(
            display_name="x", parent_folder_rid="ri.compass.main.folder.1"
        )
    assert caught.value.name == "ApiUsageDenied"
    assert caught.value.parameters == {"missingScope": "api:filesystem-write"}


def test_an_operation_that_asks_for_no_scope_takes_any_token(server: RunningServer) -> None:
    token = server.token("ada", "api:models-execute")
    space = next(iter(server.client().filesystem.Space.list())).rid
    children = server.client(token).filesystem.Folder.children(space)
    assert "Home" in [child.display_name for child in children]


def test_an_unknown_scope_is_refused_and_the_known_ones_named(server: RunningServer) -> None:
    done = server.run_cli("token", "create", "--user", "ada", "--scope", "api:everything")
    assert done.returncode == 2
    assert "unknown scope api:everything" in done.stderr.replace("\n", " ")
    assert "api:models-execute" in done.stderr
    assert done.stdout == ""


# preview -------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?preview=false", "?preview=", "?preview=1"])
def test_a_preview_operation_without_the_flag_is_refused(server: RunningServer, query: str) -> None:
    answer = get(server, TRAINERS + query, f"Bearer {server.admin_token}")
    assert answer.status_code == 400
    assert answer.json()["errorName"] == "ApiFeaturePreviewUsageOnly"
    assert answer.json()["errorCode"] == "INVALID_ARGUMENT"
    assert answer.json()["parameters"] == {}


def test_a_preview_operation_with_the_flag_is_done(server: RunningServer) -> None:
    bearer = f"Bearer {server.admin_token}"
    assert get(server, f"{TRAINERS}?preview=true", bearer).status_code == 200
    with pytest.raises(foundry_sdk.BadRequestError):
        list(server.client().models.ModelStudioTrainer.list())
    assert list(server.client().models.ModelStudioTrainer.list(preview=True))


def test_the_flag_is_ignored_by_a_stable_operation(server: RunningServer) -> None:
    for query in ("?preview=true", "?preview=false"):
        assert get(server, SPACES + query, f"Bearer {server.admin_token}").status_code == 200


def test_a_relaxed_server_asks_for_no_flag(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(MODELSTUDIO_PREVIEW_GATING="relaxed")
    assert get(server, TRAINERS, f"Bearer {server.admin_token}").status_code == 200
    assert get(server, TRAINERS).status_code == 401


def test_a_stranger_does_not_reach_the_preview_gate(server: RunningServer) -> None:
    assert get(server, TRAINERS).json()["errorName"] == "MissingCredentials"
