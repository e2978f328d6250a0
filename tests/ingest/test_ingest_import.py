import hashlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ingest_sources import encode, noise_image, png, write_zip
from PIL import Image

from turn_core import images
from turn_core.config import Settings
from turn_core.errors import ConflictError, DataError, IngestError, JobCancelled, ResourceError
from turn_core.ingest import decode_timer, storing
from turn_core.ingest.source import ImportPlan, SourceRef
from turn_core.jobs.context import StopFlag
from turn_core.jobs.tasks import import_source
from turn_core.services import imports, jobs, projects, samples, uploads
from turn_core.services.workspace import open_workspace
from turn_core.types import SampleState


def members(count=6):
    return {f"{'cat' if i % 2 else 'dog'}/{i}.png": png(i) for i in range(count)}


def taken(workspace, project_id):
    page = samples.browse(workspace, project_id, limit=500)
    names = {c.class_id: c.name for c in projects.classes(workspace, project_id)}
    return {
        s.file_name: (names.get(s.given_class_id), names.get(s.true_class_id), s)
        for s in page.items
    }


def refused(workspace, project_id):
    return {item.name: item.reason for item in projects.refusals(workspace, project_id)}


def import_folder(importer, folder, **change):
    plan = replace(importer.inspect(folder).plan, **change)
    return importer.take(plan)["project_id"]


def stored_files(workspace):
    return sorted(p for p in workspace.files.home.glob("*/*/*") if p.is_file())


def test_zip_of_class_folders__becomes_a_project(importer, workspace, tmp_path):
    path = write_zip(
        tmp_path / "pets.zip", members() | {"cat/bad.png": b"\x89PNG\r\n\x1a\nrubbish"}
    )

    result = importer.take(importer.inspect(path).plan)

    assert (result["num_samples"], result["num_refused"]) == (6, 1)
    found = taken(workspace, result["project_id"])
    assert {name: given for name, (given, _, _) in found.items()} == {
        name: name.partition("/")[0] for name in members()
    }
    assert list(refused(workspace, result["project_id"])) == ["cat/bad.png"]
    report = projects.overview(workspace, result["project_id"]).import_report
    assert (report["num_samples"], report["num_classes"]) == (6, 2)
    assert report["plan"]["form"] == "class_folders"


def test_stored_image__is_the_original_read_only_with_a_thumbnail(importer, workspace, tmp_path):
    data = encode(noise_image((400, 300)), "JPEG", exif=gps())
    path = write_zip(tmp_path / "a.zip", {"cat/1.jpg": data})

    project_id = importer.take(importer.inspect(path).plan)["project_id"]

    sha256 = hashlib.sha256(data).hexdigest()
    blob = workspace.files.blob(sha256)
    assert blob.read_bytes() == data
    assert stat.S_IMODE(blob.stat().st_mode) == 0o444
    with Image.open(workspace.files.thumb(sha256)) as thumb:
        assert (thumb.format, thumb.size, len(thumb.getexif())) == ("WEBP", (192, 144), 0)
    sample = taken(workspace, project_id)["cat/1.jpg"][2]
    assert (sample.sha256, sample.width, sample.height) == (sha256, 400, 300)


def gps():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    return exif


EXACT = ["NA", "None", "nan", "007", "7", " Cat", "Cat", "cat", "café", "cafe\u0301", "=1+1", "a,b"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_labels__come_back_byte_for_byte(importer, workspace, tmp_path, kind):
    folder = tmp_path / "set"
    folder.mkdir()
    rows = []
    for i, label in enumerate([*EXACT, "", "  "]):
        (folder / f"{i}.png").write_bytes(png(i))
        rows.append({"file_name": f"{i}.png", "label": label, "true_label": "Cat", "split": "a"})
    frame = pd.DataFrame(rows)
    writers = {"csv": lambda p: frame.to_csv(p, index=False), "parquet": frame.to_parquet}
    writers["jsonl"] = lambda p: frame.to_json(p, orient="records", lines=True)
    writers[kind](folder / f"labels.{kind}")

    found = taken(workspace, import_folder(importer, folder))

    assert [found[f"{i}.png"][0] for i in range(len(EXACT))] == EXACT
    assert {true for _, true, _ in found.values()} == {"Cat"}
    unlabelled = [found[f"{len(EXACT) + i}.png"] for i in range(2)]
    assert [(given, s.state) for given, _, s in unlabelled] == [(None, SampleState.UNLABELLED)] * 2


def test_every_item_that_is_not_taken__is_listed_with_its_reason(importer, workspace, tmp_path):
    text = "file_name,label\na.png,cat\na.png,dog\ngone.png,cat\n../x.png,cat\nb.png\n"
    text += f"c.png,{'x' * 201}\n,cat\nhuge.png,cat\n"
    files = {
        "a.png": png(0),
        "c.png": png(1),
        "left\u202e.png": png(2),
        "labels.csv": text.encode(),
    }
    files |= {"huge.png": encode(Image.new("1", (20_000, 2)))}
    path = write_zip(tmp_path / "a.zip", files)

    project_id = importer.take(importer.inspect(path).plan)["project_id"]

    assert list(taken(workspace, project_id)) == ["a.png"]
    assert refused(workspace, project_id) == {
        "labels.csv line 3": "a.png was already named by labels.csv line 2",
        "labels.csv line 4": "gone.png: the source holds no such image",
        "labels.csv line 5": "../x.png: its path has empty parts or tries to leave the folder",
        "labels.csv line 6": "it has 1 cells, the header has 2",
        "labels.csv line 7": "c.png: its label has 201 characters, over the limit of 200",
        "labels.csv line 8": "its file_name is empty",
        "labels.csv line 9": "huge.png: 20,000 x 2 pixels; at most 16,384 a side",
        "left\\u{202e}.png": "no row of labels.csv names it",
    }


def test_nothing_usable__makes_no_project_and_says_why(importer, workspace, tmp_path):
    path = write_zip(tmp_path / "a.zip", {f"cat/{i}.png": b"<svg>" for i in range(3)})

    with pytest.raises(
        IngestError, match=r"none of the 3 items of a.zip can be used.*3 times.*SVG"
    ):
        importer.take(importer.inspect(path).plan)

    assert projects.list_projects(workspace) == []
    assert stored_files(workspace) == []


def test_one_class_and_tiny_classes__import_fine(importer, tmp_path):
    one = write_zip(tmp_path / "one.zip", {"cat/1.png": png(0), "cat/2.png": png(1)})
    two = write_zip(tmp_path / "two.zip", {"cat/1.png": png(0), "dog/2.png": png(1)})

    assert importer.take(importer.inspect(one).plan)["num_samples"] == 2
    assert importer.take(importer.inspect(two).plan)["num_samples"] == 2


def test_classes__are_sorted_by_name_or_number(importer, workspace, tmp_path):
    for name, labels in (("numbers", ["10", "9", "1"]), ("names", ["b", "10", "a"])):
        files = {f"{label}/{i}.png": png(i) for i, label in enumerate(labels)}
        path = write_zip(tmp_path / f"{name}.zip", files)
        project_id = importer.take(importer.inspect(path).plan)["project_id"]
        names = [c.name for c in projects.classes(workspace, project_id)]
        assert names == {"numbers": ["1", "9", "10"], "names": ["10", "a", "b"]}[name]


def test_digits__have_wrong_labels_and_known_truth(importer, workspace):
    plan = ImportPlan(source=SourceRef(kind="digits"), form="digits", name="demo")

    result = importer.take(plan)

    assert result["num_samples"] == 1797
    snapshot = samples.label_snapshot(workspace, result["project_id"])
    wrong = np.mean(np.asarray(snapshot.given) != np.asarray(snapshot.true))
    assert 0.26 < wrong < 0.34


def test_notes_and_warnings__stay_with_the_project(importer, workspace, tmp_path):
    deep = encode(Image.fromarray(np.full((4, 4), 9000, np.uint16)))
    path = write_zip(tmp_path / "a.zip", {"cat/1.png": deep, "cat/2.png": deep})

    project_id = importer.take(importer.inspect(path).plan)["project_id"]

    report = projects.overview(workspace, project_id).import_report
    assert report["notes"] == {"16-bit values were scaled to 8 bit": 2}
    assert report["num_identical"] == 1
    assert any("training needs at least 2 classes" in text for text in report["warnings"])


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
    monkeypatch.setattr(type(workspace.files), "free_bytes", lambda _self: 100)

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
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_time_limit__leaves_quick_work_alone():
    with decode_timer.time_limit(5):
        pass
    assert signal.getsignal(signal.SIGPROF) == signal.SIG_DFL


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


def test_upload__is_inspected_imported_and_gone(importer, workspace, tmp_path):
    data = write_zip(tmp_path / "pets.zip", members()).read_bytes()
    token = uploads.create_upload(workspace, "My pets.zip", len(data))
    uploads.append(workspace, token, 0, data)
    source = uploads.finish(workspace, token)

    report = importer.inspect(source)
    project_id = importer.take(report.plan)["project_id"]

    assert report.plan.name == "My pets"
    assert str(workspace.files.home) not in str(report.to_dict())
    assert len(taken(workspace, project_id)) == 6
    assert list((workspace.files.home / "uploads").iterdir()) == []


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
