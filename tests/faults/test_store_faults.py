"""Nothing acknowledged is lost, nothing counts twice: kills, and many writers on few samples."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from turn_core.config import Settings
from turn_core.services import jobs, projects, review
from turn_core.services.workspace import open_workspace
from turn_core.store import engine as engines
from turn_core.types import JobKind, JobState

SCRIPT = Path(__file__).parent / "submit_decisions.py"
ROOT = SCRIPT.parents[2]
KILLS = int(os.environ.get("TURN_FAULT_ROUNDS", "3"))
WRITERS = 8
PER_WRITER = int(os.environ.get("TURN_FAULT_DECISIONS", "15"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def workspace(request, tmp_path):
    url = request.getfixturevalue("clean_postgres_url") if request.param == "postgres" else ""
    opened = open_workspace(Settings(home=tmp_path / "home", database_url=url))
    yield opened
    opened.close()


def start(workspace, project_id, *, count, seed, hot, replay=False):
    settings = workspace.settings
    words = [settings.home, settings.database_url or "-", project_id, count, seed, hot]
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, words), str(int(replay))],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def acknowledged(output):
    """(key, outcome) of the complete lines; the last line of a killed process may be cut."""
    lines = output[: output.rfind("\n") + 1].splitlines()
    return [tuple(line.split()[1:]) for line in lines if line.startswith("ACK ")]


def check_ledger(workspace, project_id):
    """The invariants of the ledger, whatever happened."""
    events = review.ledger(workspace, project_id, limit=1_000_000)
    with workspace.reading() as session:
        versions = dict(session.execute(text("SELECT id, version FROM sample")).all())
        keys = [row[0] for row in session.execute(text("SELECT idem_key FROM label_event"))]
        head = text(
            "SELECT count(*) FROM sample s LEFT JOIN label_event e ON e.sample_id = s.id AND"
            " e.seq = s.version WHERE s.version > 0 AND (e.id IS NULL OR e.status <> s.status"
            " OR e.class_id IS DISTINCT FROM s.current_class_id)"
        )
        assert session.execute(head).scalar() == 0
    numbers = Counter(event.sample_id for event in events)
    assert all(versions[sample_id] == count for sample_id, count in numbers.items())
    assert sum(versions.values()) == len(events) == len(set(keys))
    assert projects.get_project(workspace, project_id).label_rev == len(events)
    return set(keys)


def test_a_killed_process_loses_no_acknowledged_decision(workspace, make_project):
    project_id = make_project(num_samples=50)
    draw, total = random.Random(0), 0
    for seed in range(KILLS):
        process = start(workspace, project_id, count=100_000, seed=seed, hot=50)
        assert process.stdout.readline() == "READY\n"
        lines = [process.stdout.readline() for _ in range(draw.randrange(1, 20))]
        time.sleep(draw.uniform(0, 0.02))  # anywhere within the next decision
        process.send_signal(signal.SIGKILL)
        output = "".join(lines) + process.communicate()[0]
        saved = {key for key, outcome in acknowledged(output) if outcome == "saved"}
        assert saved <= check_ledger(workspace, project_id)
        total += len(saved)
    assert total > 0
    if engines.is_sqlite(workspace.engine):
        with workspace.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_many_writers_on_few_samples(workspace, make_project):
    project_id = make_project(num_samples=20)
    writers = [
        start(workspace, project_id, count=PER_WRITER, seed=seed, hot=5, replay=True)
        for seed in range(WRITERS)
    ]
    found = [acknowledged(writer.communicate(timeout=240)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    outcomes = Counter(outcome for acks in found for _, outcome in acks)
    saved = {key for acks in found for key, outcome in acks if outcome == "saved"}
    assert sum(outcomes.values()) == 2 * WRITERS * PER_WRITER
    # Each decision was sent twice: saved once and replayed once, or a conflict both times.
    assert outcomes["saved"] == outcomes["replayed"] == len(saved)
    assert check_ledger(workspace, project_id) == saved


def test_jobs_of_killed_and_hung_workers_are_done_once(workspace):
    for number in range(12):
        jobs.submit(workspace, JobKind.EXPORT, {}, idem_key=f"j{number}", actor="ann")
    draw, finished = random.Random(1), Counter()
    stale = []
    deadline = time.monotonic() + 240
    while jobs.list_jobs(workspace, active_only=True) and time.monotonic() < deadline:
        claimed = jobs.claim(workspace, "w", [JobKind.EXPORT], lease_seconds=0.05)
        if claimed is None:
            time.sleep(0.02)
        elif claimed.job.attempt == 1 and draw.random() < 0.5:
            stale.append(claimed)  # killed, or hung past its lease
        else:
            done = finish(workspace, claimed)
            finished[claimed.job.job_id] += done
    late = sum(finish(workspace, claimed) for claimed in stale)
    assert stale
    assert late == 0
    assert set(finished.values()) == {1}
    states = {job.state for job in jobs.list_jobs(workspace)}
    assert (len(finished), states) == (12, {JobState.DONE})


def finish(workspace, claimed):
    return jobs.finish(workspace, claimed.job.job_id, claimed.fence, state=JobState.DONE)
