"""`modelstudio predict`, from the command line to the file that it leaves."""

from __future__ import annotations

import contextlib
import gzip
import os
import pty
import signal
import subprocess
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import databases
from commands.conftest import API, HOUSES
from published import Shelf, open_shelf
from support import wait_for
from typed_commands import command, variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED = (
    "The predictor was killed, most likely because the machine ran out of memory. Its last words: "
    "something is about to happen"
)
NOT_ROW_BY_ROW = (
    "--keep-columns needs a model that predicts row by row; this one's rows are its own"
)


def test_predictions_come_in_the_order_of_the_rows(
    run: Any, versions: dict[str, str], houses: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    done = run(
        "predict", "--model-version", versions["Echo"], "--input", houses, "--output", output
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"2 rows in {output}\n")
    assert output.read_text() == 'total,shown\n3.5,"3.0|0.5|Elm, North"\n1.5,|1.5|\n'
    assert output.stat().st_mode & 0o077 == 0
    assert sorted(tmp_path.iterdir()) == [houses, output]


def test_the_inputs_columns_are_kept_when_asked_for(
    run: Any, versions: dict[str, str], tmp_path: Path
) -> None:
    houses = tmp_path / "houses.csv"
    houses.write_text(HOUSES.replace("id", "total"))
    arguments = ["--model-version", versions["Echo"], "--input", houses, "--keep-columns"]
    output = tmp_path / "out.csv"
    done = run("predict", *arguments, "--output", output)
    assert done.returncode == 0
    assert "note: houses.csv has a column 'total' too; the prediction is 'total_predicted'" in (
        done.stderr
    )
    assert output.read_text() == (
        "total,rooms,area,street,total_predicted,shown\n"
        '007,3,0.5,"Elm, North",3.5,"3.0|0.5|Elm, North"\n'
        "008,,1.5,,1.5,|1.5|\n"
    )


def test_every_form_of_a_table_gives_the_same_predictions(
    run: Any, versions: dict[str, str], tmp_path: Path
) -> None:
    plain, zipped = tmp_path / "houses.csv", tmp_path / "houses.csv.gz"
    plain.write_text(HOUSES)
    zipped.write_bytes(gzip.compress(HOUSES.encode()))
    binary = tmp_path / "houses.parquet"
    pq.write_table(
        pa.table({"rooms": [3, None], "area": [0.5, 1.5], "street": ["Elm, North", None]}), binary
    )
    found = []
    for number, path in enumerate((plain, zipped, binary)):
        for suffix in ("csv.gz", "parquet"):
            output = tmp_path / f"out{number}.{suffix}"
            done = run(
                "predict", "--model-version", versions["Echo"], "--input", path, "--output", output
            )
            assert done.returncode == 0, done.stderr
            if suffix == "parquet":
                found.append(pq.read_table(output).to_pydict())
            else:
                assert gzip.decompress(output.read_bytes()).startswith(b"total,shown\n3.5,")
    assert found == [{"total": [3.5, 1.5], "shown": ["3.0|0.5|Elm, North", "|1.5|"]}] * 3


def test_a_forecast_takes_the_whole_table_or_its_own_history(
    run: Any, versions: dict[str, str], tmp_path: Path
) -> None:
    def forecast(*arguments: str | Path) -> str:
        output = tmp_path / "out.csv"
        done = run(
            "predict", "--model-version", versions["Forecast"], "--output", output, "--force",
            *arguments,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return output.read_text().splitlines()[1]

    table = tmp_path / "history.csv"
    assert forecast() == "2024-01-01 00:00:00,100"
    table.write_text("")
    assert forecast("--input", table) == "2024-01-01 00:00:00,100"


def test_a_forecast_of_many_rows_is_made_at_once(
    run: Any, versions: dict[str, str], tmp_path: Path
) -> None:
    table, output = tmp_path / "history.csv", tmp_path / "out.csv"
    table.write_text("total\n" + "1\n" * 200_000)
    arguments = ["--model-version", versions["Forecast"], "--input", table, "--output", output]
    assert run("predict", *arguments).returncode == 0
    assert output.read_text().splitlines()[1] == "2024-01-01 00:00:00,200000"
    done = run("predict", *arguments, "--force", "--keep-columns")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {NOT_ROW_BY_ROW}\n",
    )


@pytest.mark.parametrize(
    ("name", "table", "code", "message"),
    [
        ("Echo", "rooms\n1\n", 1, "houses.csv has no column 'area', which the model needs"),
        (
            "Echo",
            "rooms,area\nx,1\ny,1\n",
            1,
            "houses.csv: no value of column 'rooms' is a whole number: 'x', 'y'",
        ),
        ("Echo", "", 1, "houses.csv is empty"),
        ("Echo", None, 2, "this model predicts row by row; name the rows with --input"),
        ("Forgetful", "rooms,area\n1,1\n", 1, "the predictor answered 0 rows for 1"),
        ("Refusing", "rooms,area\n1,1\n", 1, "Column 'rooms' has a value that is not a number"),
        (
            "Killed",
            "rooms,area\n1,1\n",
            1,
            KILLED,
        ),
    ],
)
def test_a_command_that_fails_says_why_in_one_line_and_leaves_nothing(
    run: Any,
    versions: dict[str, str],
    tmp_path: Path,
    name: str,
    table: str | None,
    code: int,
    message: str,
) -> None:
    arguments = ["--model-version", versions[name], "--output", tmp_path / "out.csv"]
    if table is not None:
        (tmp_path / "houses.csv").write_text(table)
        arguments += ["--input", tmp_path / "houses.csv"]
    done = run("predict", *arguments)
    notes, _, last = done.stderr.rstrip("\n").rpartition("\n")
    assert (done.returncode, last) == (code, f"error: {message}")
    assert all(line.startswith("note: ") for line in notes.splitlines())
    assert [path.name for path in tmp_path.iterdir()] == ["houses.csv"] * (table is not None)


@pytest.mark.parametrize(
    ("input_", "output", "code", "message"),
    [
        ("a.xls", "b.csv", 2, "--input must end in .csv, .csv.gz, .xlsx or .parquet: {}/a.xls"),
        ("houses.csv", "b", 2, "--output must end in .csv, .csv.gz or .parquet: {}/b"),
        ("houses.csv", "houses.csv", 2, "--input and --output are the same file"),
        ("houses.csv", "there.csv", 1, "{}/there.csv exists; --force replaces it"),
        ("houses.csv", "folder.csv", 1, "{}/folder.csv is a directory"),
        ("no.csv", "b.csv", 1, "there is no file {}/no.csv"),
        (
            "houses.csv",
            "no/b.csv",
            1,
            "{}/no/b.csv cannot be written: No such file or directory",
        ),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    run: Any,
    versions: dict[str, str],
    houses: Path,
    input_: str,
    output: str,
    code: int,
    message: str,
) -> None:
    folder = houses.parent
    (folder / "there.csv").write_text("old")
    (folder / "folder.csv").mkdir()
    arguments = ["--model-version", versions["Echo"], "--output", folder / output]
    done = run("predict", *arguments, "--input", folder / input_)
    assert (done.returncode, done.stderr) == (code, f"error: {message.format(folder)}\n")
    assert (folder / "there.csv").read_text() == "old"
    assert len(list(folder.iterdir())) == 3


def test_a_name_that_no_file_can_have_is_explained(
    run: Any, versions: dict[str, str], houses: Path, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 300 + ".csv")
    for input_, output in ((houses, long), (long, tmp_path / "out.csv")):
        arguments = ["--model-version", versions["Echo"], "--input", input_, "--output", output]
        done = run("predict", *arguments)
        assert (done.returncode, done.stderr) == (1, f"error: {long}: File name too long\n")


@pytest.mark.parametrize("name", ["link.csv", "folder/../houses.csv", "hard.csv"])
def test_the_input_is_never_replaced_by_another_name_of_it(
    run: Any, versions: dict[str, str], houses: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to(houses)
    (tmp_path / "hard.csv").hardlink_to(houses)
    arguments = ["--model-version", versions["Echo"], "--input", tmp_path / name]
    done = run("predict", *arguments, "--output", houses, "--force")
    assert (done.returncode, done.stderr) == (2, "error: --input and --output are the same file\n")
    assert houses.read_text() == HOUSES


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_disk_that_is_full_is_explained_and_nothing_is_left(
    shelf: Shelf, versions: dict[str, str], tmp_path: Path, name: str
) -> None:
    table, output = tmp_path / "houses.csv", tmp_path / name
    random = Random(0)
    texts = (random.randbytes(50).hex() for _ in range(20_000))
    table.write_text("rooms,area,street\n" + "".join(f"1,2,{text}\n" for text in texts))
    arguments = ["--model-version", versions["Echo"], "--input", table, "--output", output]
    predicting = command("predict", *arguments, data_dir=shelf.data_dir)
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", *predicting],  # half a megabyte a file
        env=variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {output} cannot be written: File too large\n",
    )
    assert list(tmp_path.iterdir()) == [table]


def test_an_output_is_replaced_when_asked_for(
    run: Any, versions: dict[str, str], houses: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("old")
    arguments = ["--model-version", versions["Echo"], "--input", houses, "--output", there]
    assert run("predict", *arguments, "--force").returncode == 0
    assert there.read_text().startswith("total,")


def test_an_unknown_version_is_named(run: Any, houses: Path, tmp_path: Path) -> None:
    unknown = "ri.models.main.model-version.0"
    arguments = ["--model-version", unknown, "--input", houses, "--output", tmp_path / "out.csv"]
    done = run("predict", *arguments)
    assert (done.returncode, done.stderr) == (1, f"error: there is no model version {unknown}\n")


def test_a_directory_that_no_server_made_is_left_alone(houses: Path, tmp_path: Path) -> None:
    arguments = ["--model-version", "x", "--input", houses, "--output", tmp_path / "out.csv"]
    done = subprocess.run(
        command("predict", *arguments, data_dir=tmp_path / "none"),
        env=variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {tmp_path / 'none'} is not the data directory of a server\n",
    )
    assert not (tmp_path / "none").exists()


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """Let commands see Ctrl-C and a closed terminal, also when the tests run in the background.

    A shell has jobs in the background ignore these signals, and what they start inherits it.
    """
    numbers = (signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("in_the_foreground")
@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_ended_leaves_neither_a_file_nor_a_process(
    shelf: Shelf,
    versions: dict[str, str],
    houses: Path,
    tmp_path: Path,
    ended_by: signal.Signals,
) -> None:
    output = tmp_path / "out.csv"
    arguments = ["--model-version", versions["Slow"], "--input", houses, "--output", output]
    with subprocess.Popen(
        command("predict", *arguments, data_dir=shelf.data_dir), env=variables()
    ) as running:
        try:
            # It has begun to write.
            wait_for(lambda: len(list(tmp_path.iterdir())) == 2, seconds=60)
            running.send_signal(ended_by)
            assert running.wait(30) == 128 + ended_by
        finally:
            running.kill()
    assert list(tmp_path.iterdir()) == [houses]


def test_a_terminal_sees_a_bar_and_a_file_does_not(
    shelf: Shelf, versions: dict[str, str], houses: Path, tmp_path: Path
) -> None:
    arguments = ["--model-version", versions["Echo"], "--input", houses]
    arguments += ["--output", tmp_path / "out.csv"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("predict", *arguments, data_dir=shelf.data_dir),
        env=variables(TERM="xterm", COLUMNS="80"),
        stderr=theirs,
    ) as running:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # so a terminal ends
            while part := os.read(ours, 1 << 16):
                shown += part
        assert running.wait(60) == 0
    os.close(ours)
    seen = shown.decode()
    assert "rows" in seen
    assert "\x1b[" in seen  # it draws
    assert f"2 rows in {tmp_path / 'out.csv'}" in seen.replace("\r\n", "")


def test_versions_are_found_in_postgresql(
    request: pytest.FixtureRequest, empty_model: Path, houses: Path, tmp_path: Path
) -> None:
    url = databases.new_postgres(request.getfixturevalue("postgres_url"))
    with open_shelf(tmp_path / "data", url) as shelf:
        version = shelf.publish(empty_model, "inference_predictors:Echo", API)
    output = tmp_path / "out.csv"
    arguments = ["--model-version", version, "--input", houses, "--output", output]
    for extra, code in (("--database-url", 0), (None, 2)):
        done = subprocess.run(
            command(
                "predict", *arguments, *([extra, url] if extra else []), data_dir=tmp_path / "data"
            ),
            env=variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        output.unlink(missing_ok=True)
    assert done.stderr.startswith("error: there is no database ")
