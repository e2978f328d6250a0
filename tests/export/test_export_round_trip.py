"""What is exported and imported again has the same labels, byte for byte, in every format."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from export_projects import Exporter, decide, sample_ids
from export_rows import HOSTILE
from PIL import Image

from turn_core.ingest import inspection
from turn_core.ingest.source import ImportPlan, SourceForm, SourceRef
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.tasks import import_source
from turn_core.services import imports, jobs, projects, samples
from turn_core.services.imports import ImportRequest
from turn_core.services.projects import NewProject, NewSample
from turn_core.services.workspace import Workspace
from turn_core.types import Action, JobKind, JobState, SampleState

ODD_NAMES = ("a b", "=x", "ü", "u\u0308", 'quote"s', "new\nline", "semi;colon", "100%", "שלום")


def _png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (number % 256, number // 256, 7)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def hostile(workspace: Workspace) -> Exporter:
    """One real image per hostile label, under odd file names; the first two were corrected."""
    new = []
    for i, label in enumerate(HOSTILE):
        data = _png(i)
        sha256 = hashlib.sha256(data).hexdigest()
        path = workspace.files.blob(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        name = f"img/{ODD_NAMES[i % len(ODD_NAMES)]}-{i}.png"
        new.append(NewSample(name, sha256, 4, 4, SampleState.OK, label, i, split="train"))
    project_id = projects.create_project(workspace, NewProject("h", HOSTILE), new, actor="t")
    exporter = Exporter(workspace, project_id, sample_ids(workspace, project_id))
    classes = projects.classes(workspace, project_id)
    for sample_id, to in zip(exporter.ids[:2], classes[-2:]):
        decide(workspace, project_id, sample_id, Action.RELABEL, class_id=to.class_id)
    return exporter


def _labels(workspace: Workspace, project_id: int) -> dict[str, tuple[str, str, str]]:
    """Return image hash -> (file name, label, split)."""
    found = samples.label_snapshot(workspace, project_id)
    names = [found.class_names[i] for i in found.current]
    return {
        sha: (file_name, name, split)
        for sha, file_name, name, split in zip(found.sha256s, found.file_names, names, found.split)
    }


def _import(workspace: Workspace, path: Path) -> tuple[int, ImportPlan]:
    """Import a file as the inspection proposes, without changing anything."""
    report = inspection.inspect(SourceRef.at_path(path), workspace.settings.limits)
    assert report.problem == ""
    imports.start_import(workspace, ImportRequest(plan=report.plan), actor="t", any_path=True)
    claimed = jobs.claim(workspace, "t", [JobKind.IMPORT])
    assert claimed
    context = JobContext(workspace, claimed.job, claimed.fence, stop=StopFlag())
    result = import_source.run(context)
    jobs.finish(workspace, claimed.job.job_id, claimed.fence, state=JobState.DONE)
    assert result["num_refused"] == 0, projects.refusals(workspace, result["project_id"])
    return result["project_id"], report.plan


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_round_trip__table_beside_its_images(hostile, tmp_path, kind):
    workspace = hostile.workspace
    before = _labels(workspace, hostile.project_id)
    _, table, _ = hostile.make(kind)
    source = tmp_path / "again.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for sha256, (file_name, _, _) in before.items():
            archive.write(workspace.files.blob(sha256), file_name)
        archive.write(table, f"labels{table.suffix}")
    project_id, plan = _import(workspace, source)

    assert plan.form == SourceForm.TABLE
    assert (plan.image_column, plan.label_column, plan.split_column) == (
        "file_name",
        "label",
        "split",
    )
    assert _labels(workspace, project_id) == before


@pytest.mark.parametrize("kind", ["class_folders", "imagefolder"])
def test_round_trip__archive(hostile, kind):
    workspace = hostile.workspace
    before = _labels(workspace, hostile.project_id)
    _, path, _ = hostile.make(kind)
    project_id, plan = _import(workspace, path)
    after = _labels(workspace, project_id)

    assert plan.form == SourceForm.TABLE
    assert {sha: (label, split) for sha, (_, label, split) in after.items()} == {
        sha: (label, split) for sha, (_, label, split) in before.items()
    }


def test_round_trip__class_folders_without_their_table_keep_plain_names(workspace, tmp_path):
    new = []
    for i, label in enumerate(["cat", "dog", "007", "emoji 🐈"] * 2):
        data = _png(i)
        sha256 = hashlib.sha256(data).hexdigest()
        path = workspace.files.blob(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        index = i % 4
        new.append(NewSample(f"{label}/{i}.png", sha256, 4, 4, SampleState.OK, label, index))
    names = ("cat", "dog", "007", "emoji 🐈")
    project_id = projects.create_project(workspace, NewProject("p", names), new, actor="t")
    _, path, _ = Exporter(workspace, project_id, []).make("class_folders")

    extracted = tmp_path / "folders"
    zipfile.ZipFile(path).extractall(extracted)
    (extracted / "labels.csv").unlink()
    again, plan = _import(workspace, extracted)
    assert plan.form == SourceForm.CLASS_FOLDERS
    assert _labels(workspace, again) == _labels(workspace, project_id)
