"""Every store test that takes `workspace` runs on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from turn_core.config import Settings
from turn_core.services.workspace import Workspace, open_workspace


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, home: Path) -> Settings:
    """Settings of an empty home, on each engine."""
    url = request.getfixturevalue("clean_postgres_url") if request.param == "postgres" else ""
    return Settings(home=home, database_url=url)


@pytest.fixture
def workspace(settings: Settings) -> Iterator[Workspace]:
    """An empty workspace, on each engine."""
    opened = open_workspace(settings)
    yield opened
    opened.close()
