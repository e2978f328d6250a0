"""A reviewed project with images and scores; `on_both_engines` also on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from export_projects import Exporter, make_reviewed

from turn_core.config import Settings
from turn_core.services.workspace import Workspace, open_workspace


@pytest.fixture
def reviewed(workspace: Workspace) -> Exporter:
    """Eight samples: six decided in six ways, one of them undone, and one without a label."""
    return make_reviewed(workspace)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def on_both_engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Exporter]:
    """The same project, on each engine."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_workspace(Settings(home=tmp_path / "home", database_url=url))
    yield make_reviewed(opened)
    opened.close()
