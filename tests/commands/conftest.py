"""A data directory with room for versions, and the command as an operator types it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from modelstudio.cli import app
from published import Shelf, columns, model_api, open_shelf
from typed_commands import Done, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


API = model_api(
    columns(rooms="long", area="double", street="string?"), columns(total="double", shown="string")
)
HOUSES = 'id,rooms,area,street\n007,3,0.5,"Elm, North"\n008,,1.5,\n'
FORECAST = model_api(columns(total="double"), columns(at="timestamp", total="double"))


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with open_shelf(tmp_path_factory.mktemp("shelf") / "data") as opened:
        yield opened


@pytest.fixture
def run(shelf: Shelf) -> Iterator[Callable[..., Done]]:
    """Run `modelstudio ARGUMENTS --data-dir DIR` within the test's process, which is quicker.

    The predictors of the tests are found.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run_command(*arguments: str | Path) -> Done:
        given = [*map(str, arguments), "--data-dir", str(shelf.data_dir)]
        result = CliRunner().invoke(app, given, env={"PYTHONPATH": variables()["PYTHONPATH"]})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    yield run_command
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def empty_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("models") / "model"
    model.mkdir()
    return model


@pytest.fixture(scope="session")
def versions(shelf: Shelf, empty_model: Path) -> dict[str, str]:
    """A version of each of some predictors."""
    apis = dict.fromkeys(("Echo", "Killed", "Forgetful", "Refusing", "Slow"), API)
    return {
        name: shelf.publish(empty_model, f"inference_predictors:{name}", api)
        for name, api in {**apis, "Forecast": FORECAST}.items()
    }


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    path = tmp_path / "houses.csv"
    path.write_text(HOUSES)
    return path
