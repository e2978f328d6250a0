"""An export is listed whole or not at all, whatever happens while it is made."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from export_projects import Exporter, decide, make_project, read_csv, sample_ids

from turn_core.errors import ConflictError, JobCancelled, ResourceError
from turn_core.export.archive import Archive
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.tasks import export as task
from turn_core.services import exports, jobs, projects
from turn_core.types import Action, JobState

JOB = """
import sys
from turn_core.config import Settings
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.tasks import export
from turn_core.services import jobs
from turn_core.services.workspace import Workspace
from turn_core.types import JobKind

workspace = Workspace(Settings.from_env())
print("ready", flush=True)
for line in sys.stdin:
    job = jobs.get_job(workspace, int(line.split()[0]))
    export.run(JobContext(workspace, job, int(line.split()[1]), stop=StopFlag()))
    print("done", flush=True)
"""


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def _listed(exporter: Exporter):
    return exports.list_exports(exporter.workspace, exporter.project_id)


@pytest.mark.parametrize("kind", ["csv", "parquet", "class_folders", "imagefolder"])
def test_full_disk__a_sentence_and_no_file(reviewed, monkeypatch, kind):
    whole = reviewed.make(kind)[1]
    before = whole.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("turn_core.durable.os.fsync", full)
    claimed = reviewed.claim(kind)
    with pytest.raises(ResourceError, match="disk is full"):
        task.run(reviewed.context(claimed))

    assert len(_listed(reviewed)) == 1
    assert whole.read_bytes() == before
    home = reviewed.workspace.files.home
    assert len(_names(home / "exports")) == len(_names(whole.parent))
    assert _names(home / "staging") == []


def test_full_disk__in_the_middle_of_an_archive(reviewed, monkeypatch):
    add, count = Archive.add_bytes, 0

    def fill_up(self, name, data):
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(28, "No space left on device")
        add(self, name, data)

    monkeypatch.setattr(Archive, "add_bytes", fill_up)
    with pytest.raises(ResourceError, match="disk is full"):
        task.run(reviewed.context(reviewed.claim("class_folders")))
    assert _listed(reviewed) == []
    assert _names(reviewed.workspace.files.home / "staging") == []


def test_small_disk__is_said_before_anything_is_written(reviewed, monkeypatch):
    monkeypatch.setattr("turn_core.durable.free_bytes", lambda folder: 10)
    with pytest.raises(ResourceError, match="this export needs"):
        task.run(reviewed.context(reviewed.claim("class_folders")))
    assert _listed(reviewed) == []


def test_cancel__leaves_nothing(reviewed, monkeypatch):
    claimed = reviewed.claim("class_folders")
    context = reviewed.context(claimed)
    add = Archive.add_bytes

    def cancel_then_add(self, name, data):
        context.stop.cancel()
        add(self, name, data)

    monkeypatch.setattr(Archive, "add_bytes", cancel_then_add)
    with pytest.raises(JobCancelled):
        task.run(context)
    assert _listed(reviewed) == []
    assert _names(reviewed.workspace.files.home / "staging") == []


def test_fence__an_export_that_was_taken_over_lists_nothing(reviewed):
    claimed = reviewed.claim("csv")
    late = JobContext(reviewed.workspace, claimed.job, claimed.fence - 1, stop=StopFlag())
    with pytest.raises(ConflictError, match="taken over"):
        task.run(late)
    assert _listed(reviewed) == []


def test_kill_after_publishing__the_next_attempt_finds_the_export(reviewed):
    claimed = reviewed.claim("csv")
    first = task.run(reviewed.context(claimed))
    again = task.run(reviewed.context(claimed))

    assert again["export_id"] == first["export_id"]
    assert len(_listed(reviewed)) == 1


def test_kill_between_the_move_and_the_list__the_next_attempt_replaces_it(reviewed, monkeypatch):
    claimed = reviewed.claim("csv")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("turn_core.store.exports.finish_export", killed)
        with pytest.raises(KeyboardInterrupt):
            task.run(reviewed.context(claimed))
    assert _listed(reviewed) == []

    result = task.run(reviewed.context(claimed))
    (export,) = _listed(reviewed)
    path = exports.export_file(reviewed.workspace, reviewed.project_id, result["export_id"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == export.file_sha256


def test_relabelling_meanwhile__the_export_is_of_one_moment(workspace, monkeypatch):
    project_id = make_project(workspace, ["a", "b"] * 300, blobs=False)
    ids = sample_ids(workspace, project_id)
    class_a, class_b = (c.class_id for c in projects.classes(workspace, project_id))
    started, stop = threading.Event(), threading.Event()

    def relabel() -> None:
        for i, sample_id in enumerate(ids):
            if stop.is_set():
                break
            other = class_a if i % 2 else class_b
            decide(workspace, project_id, sample_id, Action.RELABEL, class_id=other)
            if i == 3:
                started.set()

    writer = threading.Thread(target=relabel)
    writer.start()
    assert started.wait(30)
    try:
        export, path, _ = Exporter(workspace, project_id, ids).make("csv")
    finally:
        stop.set()
        writer.join()

    rows = sorted((r["file_name"], r["label"], r["status"]) for r in read_csv(path))
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    assert digest.hexdigest() == export.labels_sha256
    assert 4 <= sum(r[2] == "relabeled" for r in rows) < 600
    # Decisions were taken in order, so what is in the file is a beginning of them.
    by_name = [r[2] == "relabeled" for r in rows]
    assert by_name == sorted(by_name, reverse=True)


def test_sigkill__a_listed_export_is_whole_and_a_killed_one_is_made_again(workspace, monkeypatch):
    project_id = make_project(workspace, ["a", "b"] * 400)
    exporter = Exporter(workspace, project_id, [])
    monkeypatch.setenv("TURN_HOME", str(workspace.settings.home))
    draw = random.Random(0)
    for _ in range(3):
        claimed = exporter.claim("class_folders")
        _killed_after(draw.uniform(0.02, 0.4), claimed)
        _check_all(exporter)
        task.run(exporter.context(claimed))
        jobs.finish(workspace, claimed.job.job_id, claimed.fence, state=JobState.DONE)
        _check_all(exporter)
    assert len(_listed(exporter)) == 3


def _killed_after(seconds: float, claimed) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write(f"{claimed.job.job_id} {claimed.fence}\n")
        process.stdin.flush()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def _check_all(exporter: Exporter) -> None:
    listed = {e.export_id: e for e in _listed(exporter)}
    for export in listed.values():
        path = exports.export_file(exporter.workspace, exporter.project_id, export.export_id)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == export.file_sha256
