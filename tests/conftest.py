"""Fixtures that every test may use: workspaces, small projects, real data, a PostgreSQL."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from turn_core.config import Settings
from turn_core.services import projects
from turn_core.services.projects import NewProject, NewSample
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.types import SampleState

MakeProject = Callable[..., int]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace on SQLite."""
    opened = open_workspace(Settings(home=tmp_path / "home", database_url=""))
    yield opened
    opened.close()


@pytest.fixture
def make_project(workspace: Workspace) -> MakeProject:
    """A function that stores a small project without images and returns its id.

    `given` and `true` are class indices; by default the samples take the classes in turn.
    """

    def make(
        name: str = "animals",
        *,
        num_samples: int = 12,
        class_names: Sequence[str] = ("cat", "dog", "owl"),
        given: Sequence[int | None] | None = None,
        true: Sequence[int | None] | None = None,
        states: Sequence[SampleState] | None = None,
    ) -> int:
        if given is None:
            given = [i % len(class_names) for i in range(num_samples)]
        samples = [
            NewSample(
                file_name=f"images/{i:05d}.png",
                sha256=hashlib.sha256(f"{name}{i}".encode()).hexdigest(),
                width=8,
                height=8,
                state=states[i] if states else SampleState.OK,
                raw_label=None if label is None else class_names[label],
                class_index=label,
                true_index=None if true is None else true[i],
                row_ref=f"row {i}",
            )
            for i, label in enumerate(given)
        ]
        new = NewProject(name, tuple(class_names))
        return projects.create_project(workspace, new, samples, actor="tester")

    return make


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of data that do not ship with the product."""
    folder = os.environ.get("TURN_REAL_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set TURN_REAL_DATA to a folder with the real data sets to run this test")
    return Path(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server in which databases may be made."""
    if url := os.environ.get("TURN_TEST_POSTGRES_URL"):
        yield url
        return
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("install PostgreSQL or set TURN_TEST_POSTGRES_URL to run this test")
    # Not below tmp_path: the user `postgres` must be able to enter, and socket paths are short.
    folder = Path(tempfile.mkdtemp(prefix="turn-pg-"))
    try:
        yield from _own_server(binaries[-1].parent, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_server(binaries: Path, folder: Path) -> Iterator[str]:
    prefix: list[str] = []
    if os.getuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(*command: str) -> None:
        subprocess.run(
            [*prefix, *command], cwd=folder, check=True, capture_output=True, timeout=120
        )

    data, log = str(folder / "data"), str(folder / "log")
    pg_ctl = str(binaries / "pg_ctl")
    call(str(binaries / "initdb"), "-D", data, "-U", "turn", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=on"
    call(pg_ctl, "-D", data, "-l", log, "-o", options, "-w", "start")
    try:
        yield f"postgresql+psycopg://turn@127.0.0.1:{port}/postgres"
    finally:
        call(pg_ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test's own."""
    from sqlalchemy import create_engine, make_url, text

    name = f"turn_{uuid.uuid4().hex}"
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
