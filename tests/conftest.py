"""Fixtures that every test may use: workspaces, small projects, real data, a PostgreSQL."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, create_engine, make_url, text

from turn_core.config import Settings, TurnConfig
from turn_core.services import jobs, projects, runs, samples
from turn_core.services.projects import NewProject, NewSample
from turn_core.services.samples import LabelSnapshot
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.store.arrays import save_arrays
from turn_core.store.columns import Base
from turn_core.store.migrate import migrate
from turn_core.types import JobKind, JobState, Run, SampleState, ScoreRow

MakeProject = Callable[..., int]
MakeRun = Callable[..., Run]
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_NEEDED = 3 * 2**30
TEMP_ROOT = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure() -> None:
    """Keep the tests' folders in memory where there is room: each commit waits for the disk else.

    No test pulls the plug; what a killed process wrote is there all the same.
    """
    if MEMORY_FOLDER.is_dir() and shutil.disk_usage(MEMORY_FOLDER).free > MEMORY_NEEDED:
        os.environ.setdefault(TEMP_ROOT, str(MEMORY_FOLDER))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first, or one process would end with them alone."""

    def is_quick(item: pytest.Item) -> tuple[bool, ...]:
        marks = marked[item.path]
        return tuple(name not in marks for name in ("slow", "worker", "browser"))

    marked: dict[Path, set[str]] = {}
    for item in items:
        marked.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    items.sort(key=is_quick)


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables: copying it is quicker than migrating for every test."""
    home = tmp_path_factory.mktemp("blank")
    open_workspace(Settings(home=home, database_url="")).close()
    return home / "turn.db"


@pytest.fixture
def home(tmp_path: Path, blank_database: Path) -> Path:
    """A home folder with an empty SQLite database."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(blank_database, folder)
    return folder


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    """An empty workspace on SQLite."""
    opened = open_workspace(Settings(home=home, database_url=""))
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
        new_samples = [
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
        return projects.create_project(workspace, new, new_samples, actor="tester")

    return make


@pytest.fixture
def make_run(workspace: Workspace) -> MakeRun:
    """A function that gives a project a complete run with made-up scores and returns it.

    The samples are ranked in the order of their ids unless `clean` says otherwise; the suggested
    class is the one after the given one.
    """

    def make(
        project_id: int,
        *,
        clean: Sequence[float] | None = None,
        metrics: dict[str, object] | None = None,
        num_neighbours: int = 3,
    ) -> Run:
        labels = samples.label_snapshot(workspace, project_id)
        config = TurnConfig(backbone="turn-mini")
        run = runs.start_run(workspace, project_id, config, actor="tester")
        claimed = jobs.claim(workspace, "test-worker", [JobKind.TRAIN])
        assert claimed is not None
        runs.record_labels(
            workspace,
            run.run_id,
            labels_sha256=labels.labels_sha256,
            label_rev=labels.label_rev,
            num_samples=len(labels),
        )
        probability = np.linspace(0, 1, len(labels)) if clean is None else np.array(clean)
        rows, arrays = made_up_scores(labels, probability, num_neighbours)
        save_arrays(workspace.files.scores(run.run_id), arrays)
        runs.save_scores(workspace, run.run_id, rows, metrics or {}, {}, fence=claimed.fence)
        jobs.finish(workspace, claimed.job.job_id, claimed.fence, state=JobState.DONE)
        return runs.get_run(workspace, project_id, run.run_id)

    return make


def made_up_scores(
    labels: LabelSnapshot, probability: NDArray[np.float64], num_neighbours: int
) -> tuple[list[ScoreRow], dict[str, NDArray[Any]]]:
    """Score rows and arrays as a run stores them; neighbours are the samples that follow."""
    count, num_classes, epochs = len(labels), len(labels.class_ids), 2
    suggested = (labels.current + 1) % num_classes
    ranks = np.empty(count, np.int64)
    ranks[np.argsort(probability, kind="stable")] = np.arange(count)
    rows = [
        ScoreRow(
            sample_id=int(labels.sample_ids[i]),
            rank=int(ranks[i]),
            clean_probability=float(probability[i]),
            loss=float(5 * (1 - probability[i])),
            suggested_class_id=labels.class_ids[suggested[i]],
            suggested_probability=0.7,
            given_probability=0.2,
            selected=bool(probability[i] > 0.6),
            fallback="none",
            row=i,
        )
        for i in range(count)
    ]
    top = (suggested[:, None] + np.arange(5)) % num_classes
    top[:, num_classes:] = -1
    near = (np.arange(count)[:, None] + np.arange(1, num_neighbours + 1)) % count
    return rows, {
        "sample_ids": labels.sample_ids,
        "clean_probability": np.tile(probability, (epochs, 1)).astype(np.float32),
        "loss": np.zeros((epochs, count), np.float32),
        "top_class": top.astype(np.int32),
        "top_probability": np.tile(np.float32([0.7, 0.2, 0.1, 0, 0]), (count, 1)),
        "neighbour_ids": labels.sample_ids[near],
        "neighbour_similarity": np.full((count, num_neighbours), 0.9, np.float32),
        "selected": np.tile(probability > 0.6, (epochs, 1)),
    }


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
    folder = Path(tempfile.mkdtemp(prefix="turn-pg-", dir=os.environ.get(TEMP_ROOT)))
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
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    options += " -c fsync=off -c full_page_writes=off"  # processes are killed, never the server
    call(pg_ctl, "-D", data, "-l", log, "-o", options, "-w", "start")
    try:
        yield f"postgresql+psycopg://turn@127.0.0.1:{port}/postgres"
    finally:
        call(pg_ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test's own."""
    with _database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def shared_postgres(postgres_server: str) -> Iterator[Engine]:
    """An engine on a PostgreSQL database with our tables, which the tests share."""
    with _database(postgres_server) as url:
        engine = create_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def clean_postgres_url(shared_postgres: Engine) -> str:
    """URL of the shared database, emptied: ten times faster than a database of one's own."""
    tables = [table.name for table in reversed(Base.metadata.sorted_tables)]
    guarded = ("label_event", "given_label", "vote")
    with shared_postgres.begin() as connection:
        for table in guarded:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for table in tables:
            connection.execute(text(f"DELETE FROM {table}"))
        for table in guarded:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        for (sequence,) in connection.execute(text("SELECT sequencename FROM pg_sequences")):
            connection.execute(text(f"ALTER SEQUENCE {sequence} RESTART"))
    return shared_postgres.url.render_as_string(hide_password=False)


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"turn_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
