"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelstudio.errors import ConfigurationError
from modelstudio.settings import Settings


def test_without_variables_the_defaults_hold() -> None:
    settings = Settings.from_environment({"PATH": "/bin", "PORT": "1"})
    assert settings == Settings()
    assert settings.preview_gating == "strict"
    assert settings.host == "127.0.0.1"


def test_each_variable_is_read_as_its_type() -> None:
    settings = Settings.from_environment(
        {
            "MODELSTUDIO_PORT": "0",
            "MODELSTUDIO_DATA_DIR": "/srv/data",
            "MODELSTUDIO_CPU": "1.5",
            "MODELSTUDIO_MEMORY_BYTES": "4000000000",
            "MODELSTUDIO_LOG_FORMAT": "json",
            "MODELSTUDIO_DATABASE_URL": "postgresql://h/d",
        }
    )
    assert (settings.port, settings.data_dir) == (0, Path("/srv/data"))
    assert (settings.cpu, settings.memory_bytes) == (1.5, 4_000_000_000)
    assert settings.log_format == "json"
    assert settings.database == "postgresql://h/d"


def test_an_option_wins_over_a_variable_and_one_not_given_does_not() -> None:
    environment = {"MODELSTUDIO_PORT": "1", "MODELSTUDIO_HOST": "a"}
    settings = Settings.from_environment(environment, {"port": 2, "host": None})
    assert (settings.port, settings.host) == (2, "a")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_JSON_BYTES", "many"),
        ("MAX_JSON_BYTES", ""),
        ("MAX_JSON_BYTES", "-1"),
        ("MAX_UPLOAD_BYTES", "0"),
        ("MAX_UPLOAD_BYTES", "1.5"),
        ("PORT", "http"),
        ("CPU", "nan"),
        ("CPU", "-1"),
        ("MEMORY_BYTES", "4G"),
        ("HEARTBEAT_SECONDS", "inf"),
        ("HEARTBEAT_SECONDS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("PREVIEW_GATING", "lax"),
        ("PREVIEW_GATING", ""),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_name_of_its_variable(
    name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({f"MODELSTUDIO_{name}": value})
    assert f"MODELSTUDIO_{name}={value!r}" in str(caught.value)
