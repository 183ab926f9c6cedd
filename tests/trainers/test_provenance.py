"""What a run records so that it can be repeated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from modelstudio.trainers import provenance
from modelstudio.trainers.base import TrainingTask

TASK = TrainingTask({}, {"seed": 7}, 2, 3 * 10**9, Path("output"), Path("scratch"))
PRINT = """
import json, sys
from pathlib import Path
from modelstudio.trainers import provenance
from modelstudio.trainers.base import TrainingTask

before = sorted(name for name in ("numpy", "pandas", "sklearn") if name in sys.modules)
task = TrainingTask({}, {}, 1, 10**9, Path("output"), Path("scratch"))
for name in sys.argv[1:]:
    __import__(name)
print(json.dumps([before, provenance.parameters(task)]))
"""


def fresh(*imports: str) -> tuple[list[str], dict[str, Any]]:
    """Return the heavy modules and the parameters of a process that imports these modules."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT, *imports], capture_output=True, text=True, check=True
    )
    before, found = json.loads(done.stdout)
    return before, found


def test_a_process_records_the_libraries_that_it_has_imported_and_no_others() -> None:
    before, found = fresh("sklearn")
    assert before == []
    assert found["scikit-learn_version"] == version("scikit-learn")
    assert found["numpy_version"] == version("numpy")
    assert found["modelstudio_version"] == version("modelstudio")
    assert "catboost_version" not in found
    assert "pytest_version" not in found
    assert "seed" not in found


def test_before_a_library_is_loaded_there_are_no_threads_to_tell_of() -> None:
    _, found = fresh()
    assert "openmp_threads" not in found
    assert "numpy_version" not in found


def test_the_task_the_machine_and_the_threads_are_recorded() -> None:
    import sklearn.ensemble  # noqa: F401 - loads its OpenMP library
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        found = provenance.parameters(TASK)
    assert (found["seed"], found["cpu"], found["memory_bytes"]) == (
        7,
        min(2, os.cpu_count()),
        3 * 10**9,
    )
    assert (found["blas_threads"], found["openmp_threads"]) == (1, 1)
    assert 1 <= int(found["usable_cores"]) <= int(found["machine_cores"])
    assert int(found["machine_memory_bytes"]) > 10**8
    assert found["cpu_model"]
    assert found["python_version"] in sys.version


def test_a_trainer_of_another_package_records_its_own_requirements_too() -> None:
    import joblib  # noqa: F401 - a requirement of scikit-learn's and not of ours

    found = provenance.versions("scikit-learn")
    assert found["joblib"] == version("joblib")
    assert found["scikit-learn"] == version("scikit-learn")
    assert "modelstudio" in found
    assert "joblib" not in provenance.versions()


def test_an_environment_without_our_package_and_its_libraries_has_a_record_too() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from modelstudio.trainers import provenance;"
        "import json;"
        "print(json.dumps(provenance.hardware()));"
        "print(json.dumps(provenance.thread_counts()));"
        "print(json.dumps(provenance.versions('pip')))"
    )
    source = str(Path(provenance.__file__).parents[2])
    bare = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", script, source]
    done = subprocess.run(bare, capture_output=True, text=True, check=True)
    hardware, threads, versions = (json.loads(line) for line in done.stdout.splitlines())
    assert hardware["machine_cores"] >= 1
    assert threads == {}
    # An editable install leaves the version of our own package beside its source.
    assert set(versions) <= {"modelstudio"}


def test_a_package_that_is_not_installed_adds_nothing() -> None:
    assert provenance.versions("no-such-package") == provenance.versions()
