import hashlib
import stat
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ingest_sources import (
    encode,
    members,
    noise_image,
    png,
    refused,
    taken,
    write_zip,
)
from PIL import Image

from turn_core.ingest.source import ImportPlan, SourceRef
from turn_core.services import projects, samples, uploads
from turn_core.types import SampleState


def import_folder(importer, folder, **change):
    plan = replace(importer.inspect(folder).plan, **change)
    return importer.take(plan)["project_id"]


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
