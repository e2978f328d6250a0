import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
from ingest_sources import (
    members,
    png,
    refused,
    stored_files,
    write_zip,
)

from turn_core import images
from turn_core.config import Settings
from turn_core.errors import ConflictError, DataError, IngestError, JobCancelled, ResourceError
from turn_core.ingest import decode_timer, storing
from turn_core.ingest.source import ImportPlan, SourceRef
from turn_core.jobs.context import StopFlag
from turn_core.jobs.tasks import import_source
from turn_core.services import imports, jobs, projects
from turn_core.services.workspace import open_workspace


def test_nothing_usable__makes_no_project_and_says_why(importer, workspace, tmp_path):
    path = write_zip(tmp_path / "a.zip", {f"cat/{i}.png": b"<svg>" for i in range(3)})

    with pytest.raises(
        IngestError, match=r"none of the 3 items of a.zip can be used.*3 times.*SVG"
    ):
        importer.take(importer.inspect(path).plan)

    assert projects.list_projects(workspace) == []
    assert stored_files(workspace) == []


def test_taken_name__is_refused_before_and_during(importer, tmp_path):
    plan = importer.inspect(write_zip(tmp_path / "a.zip", members())).plan
    importer.take(plan)

    with pytest.raises(ConflictError, match="a project named 'a' exists"):
        importer.take(plan)


def test_same_import_twice_at_once__is_a_conflict(workspace, tmp_path):
    source = SourceRef.at_path(write_zip(tmp_path / "a.zip", members()))
    plan = ImportPlan(source=source, form="class_folders", name="pets")
    request = imports.ImportRequest(plan=plan, idem_key="once")

    first = imports.start_import(workspace, request, actor="ann", any_path=True)
    again = imports.start_import(workspace, request, actor="ann", any_path=True)
    assert first.job_id == again.job_id
    other = replace(request, idem_key="other")
    with pytest.raises(ConflictError):
        imports.start_import(workspace, other, actor="bob", any_path=True)


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_bad_project_name__is_refused(workspace, name):
    plan = ImportPlan(source=SourceRef(kind="digits"), form="digits", name=name)

    with pytest.raises(DataError, match="a project needs a name"):
        imports.start_import(workspace, imports.ImportRequest(plan=plan), actor="ann")


def test_cancel__leaves_no_project(importer, workspace, tmp_path, monkeypatch):
    plan = importer.inspect(write_zip(tmp_path / "a.zip", members())).plan
    stop = StopFlag()
    calls = []

    def cancel_soon(data, **options):
        calls.append(data)
        if len(calls) == 3:
            stop.cancel()
        return decode(data, **options)

    decode = images.decode_image
    monkeypatch.setattr(images, "decode_image", cancel_soon)
    with pytest.raises(JobCancelled):
        importer.take(plan, stop)

    assert len(calls) == 3
    assert projects.list_projects(workspace) == []


def test_full_disk__is_one_sentence_and_leaves_no_project(
    importer, workspace, tmp_path, monkeypatch
):
    plan = importer.inspect(write_zip(tmp_path / "a.zip", members())).plan

    def full(_fd, _mode):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(ResourceError, match="the disk is full while writing the imported images"):
        importer.take(plan)

    assert projects.list_projects(workspace) == []
    assert stored_files(workspace) == []


def test_disk_with_too_little_room__is_refused_at_the_start(
    importer, workspace, tmp_path, monkeypatch
):
    plan = importer.inspect(write_zip(tmp_path / "a.zip", members())).plan
    monkeypatch.setattr("turn_core.durable.free_bytes", lambda folder: 100)

    with pytest.raises(ResourceError, match="this import needs"):
        importer.take(plan)


def test_decoder_that_never_ends__loses_one_item(importer, workspace, tmp_path, monkeypatch):
    decode = images.decode_image

    def endless(data, **options):
        while data == png(2):
            pass
        return decode(data, **options)

    monkeypatch.setattr(images, "decode_image", endless)
    monkeypatch.setattr(storing, "DECODE_SECONDS", 0.2)
    plan = importer.inspect(write_zip(tmp_path / "a.zip", members())).plan

    project_id = importer.take(plan)["project_id"]

    assert refused(workspace, project_id) == {"dog/2.png": "it took over 0.2 s to decode"}
    for timer in (signal.ITIMER_PROF, signal.ITIMER_VIRTUAL):
        assert signal.getitimer(timer) == (0.0, 0.0)


def test_time_limit__leaves_quick_work_alone():
    with decode_timer.time_limit(5):
        pass
    assert signal.getsignal(signal.SIGPROF) == signal.SIG_DFL


def test_time_limit__ends_the_process_where_native_code_hears_no_signal():
    endless = (
        "import itertools; from turn_core.ingest.decode_timer import time_limit;\n"
        "with time_limit(0.05): sum(itertools.repeat(0))"
    )
    ran = subprocess.run([sys.executable, "-c", endless], timeout=120, check=False)
    assert ran.returncode == -signal.SIGVTALRM


def test_torn_blob__is_written_again(importer, workspace, tmp_path):
    data = png(1)
    blob = workspace.files.blob(hashlib.sha256(data).hexdigest())
    blob.parent.mkdir(parents=True)
    blob.touch()

    importer.take(importer.inspect(write_zip(tmp_path / "a.zip", {"cat/1.png": data})).plan)

    assert blob.read_bytes() == data


def test_wrong_plan__is_one_sentence(importer, tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": png(), "t.csv": b"file_name,w\na.png,8\n"})
    plan = importer.inspect(path).plan

    with pytest.raises(
        IngestError, match=r"t.csv has no label column; its columns are file_name, w"
    ):
        importer.take(plan)
    with pytest.raises(IngestError, match=r"a\.zip holds no table other\.csv"):
        importer.take(replace(plan, table="other.csv", label_column="w"))
    with pytest.raises(IngestError, match=r"a\.zip has images but no labels"):
        importer.take(replace(plan, form="class_folders"))


def test_too_many_classes__stop_early(importer, workspace, tmp_path):
    plan = importer.inspect(
        write_zip(tmp_path / "a.zip", {f"c{i}/1.png": png(i) for i in range(5)})
    ).plan
    limits = replace(workspace.settings.limits, classes=3)
    workspace.settings = replace(workspace.settings, limits=limits)

    with pytest.raises(IngestError, match="over 3 different labels"):
        importer.take(plan)


def test_server_paths__must_lie_below_a_root(tmp_path):
    roots = tmp_path / "roots"
    (roots / "pets" / "cat").mkdir(parents=True)
    (roots / "pets.zip").write_bytes(b"x")
    (roots / "notes.txt").write_bytes(b"x")
    (roots / "out").symlink_to(tmp_path)
    (tmp_path / "rootsroots").mkdir()
    workspace = open_workspace(
        Settings(home=tmp_path / "home", database_url="", data_roots=(roots,))
    )
    try:
        found = imports.server_sources(workspace)
        assert [s.title for s in found] == ["roots", "roots/pets", "roots/pets.zip"]
        assert [s.source.kind for s in found] == ["folder", "folder", "zip"]
        for path in (tmp_path / "rootsroots", roots / "out", roots / ".." / "home", "/etc"):
            source = SourceRef(kind="folder", path=str(path))
            with pytest.raises(IngestError, match="is not below a folder that may be imported"):
                imports.start_inspect(workspace, source, actor="ann")
        with pytest.raises(IngestError, match="there is nothing at"):
            imports.start_inspect(
                workspace, SourceRef(kind="zip", path=str(roots / "no.zip")), actor="ann"
            )
        with pytest.raises(IngestError, match="neither a path nor an upload"):
            imports.start_inspect(workspace, SourceRef(kind="zip"), actor="ann")
    finally:
        workspace.close()


def test_report_of_another_job__is_refused(workspace):
    plan = ImportPlan(source=SourceRef(kind="digits"), form="digits", name="demo")
    job = imports.start_import(workspace, imports.ImportRequest(plan=plan), actor="ann")

    with pytest.raises(DataError, match="no finished inspection"):
        imports.report_of(job)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from turn_core import images
    from turn_core.config import Settings
    from turn_core.jobs.context import JobContext
    from turn_core.jobs.tasks import import_source
    from turn_core.services import leases, projects
    from turn_core.services.workspace import open_workspace
    from turn_core.types import JobKind

    workspace = open_workspace(Settings(home=Path(sys.argv[1]), database_url=""))
    claimed = leases.claim(workspace, "doomed", [JobKind.IMPORT], lease_seconds=0.001)
    places = {"decode": (images, "decode_image"), "project": (projects, "create_project")}
    module, name = places[sys.argv[2]]
    original, left = getattr(module, name), [int(sys.argv[3])]

    def deadly(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0 and sys.argv[2] == "decode":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, deadly)
    import_source.run(JobContext(workspace, claimed.job, claimed.fence))
"""


@pytest.mark.parametrize(("where", "call"), [("decode", 3), ("project", 1)])
def test_killed_import__starts_again_and_makes_one_project(
    workspace, importer, tmp_path, where, call
):
    source = SourceRef.at_path(write_zip(tmp_path / "pets.zip", members()))
    plan = ImportPlan(source=source, form="class_folders", name="pets")
    request = imports.ImportRequest(plan=plan)
    job = imports.start_import(workspace, request, actor="ann", any_path=True)
    home = str(workspace.files.home)

    script = [sys.executable, "-c", textwrap.dedent(KILLED), home, where, str(call)]
    ran = subprocess.run(script, capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert len(projects.list_projects(workspace)) == (where == "project")

    result = importer._run(job, import_source.run)

    assert result["num_samples"] == 6
    assert [p.name for p in projects.list_projects(workspace)] == ["pets"]
    assert len(stored_files(workspace)) == 12
    assert jobs.get_job(workspace, job.job_id).attempt == 2


def test_import_killed_after_its_commit__needs_no_source_any_more(workspace, importer, tmp_path):
    path = write_zip(tmp_path / "pets.zip", members())
    plan = ImportPlan(source=SourceRef.at_path(path), form="class_folders", name="pets")
    request = imports.ImportRequest(plan=plan)
    job = imports.start_import(workspace, request, actor="ann", any_path=True)
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(workspace.files.home)]
    subprocess.run([*script, "project", "1"], capture_output=True)
    path.unlink()

    assert importer._run(job, import_source.run)["num_samples"] == 6
