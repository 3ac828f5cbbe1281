"""`kadr studio-link`: which database the link is made in, and which address it has."""

import json
from pathlib import Path

import pytest

from core.errors import ConfigError
from kadr.commands.studio_link import where_from


def test_beside_a_running_stack(tmp_path: Path) -> None:
    endpoints = {
        "api": "http://127.0.0.1:8080",
        "database_url": "postgresql://kadr:word@127.0.0.1:21000/kadr",
        "studio": "https://192.168.1.20:8443/studio/sign-in?link=sl_1",
    }
    (tmp_path / "endpoints.json").write_text(json.dumps(endpoints))
    where = where_from({"KADR_HOME": str(tmp_path)})
    assert where.settings.database_url.get_secret_value() == endpoints["database_url"]
    assert where.api == "https://192.168.1.20:8443", "as people reach it"


def test_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"KADR_DATABASE_URL": "postgresql://db/kadr", "KADR_API_PUBLIC_URL": "https://studio.example.org/"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    where = where_from(environment)
    assert where.settings.database_url.get_secret_value() == "postgresql://db/kadr"
    assert where.api == "https://studio.example.org"


def test_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KADR_HOME, or KADR_DATABASE_URL"):
        where_from({"KADR_HOME": str(tmp_path)})
