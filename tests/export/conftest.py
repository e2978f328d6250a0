"""A reviewed project with images and scores; `on_both_engines` also on PostgreSQL."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from export_projects import Exporter, make_reviewed

from turn_core.config import Settings
from turn_core.services.workspace import open_workspace


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    """The project of `reviewed`, made once."""
    workspace = open_workspace(Settings(home=tmp_path_factory.mktemp("export"), database_url=""))
    made = make_reviewed(workspace)
    workspace.close()
    return made


@pytest.fixture
def reviewed(template: Exporter, tmp_path: Path) -> Iterator[Exporter]:
    """Eight samples: six decided in six ways, one of them undone, and one without a label."""
    shutil.copytree(template.workspace.settings.home, tmp_path / "home")
    workspace = open_workspace(Settings(home=tmp_path / "home", database_url=""))
    yield replace(template, workspace=workspace)
    workspace.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def on_both_engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Exporter]:
    """The same project, on each engine."""
    url = request.getfixturevalue("clean_postgres_url") if request.param == "postgres" else ""
    opened = open_workspace(Settings(home=tmp_path / "home", database_url=url))
    yield make_reviewed(opened)
    opened.close()
