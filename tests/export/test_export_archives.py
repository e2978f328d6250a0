import csv
import io
import json
import zipfile

import pytest
from export_rows import HOSTILE, image, row, write_blobs

from turn_core.errors import JobCancelled, NotFoundError
from turn_core.export import class_folders, imagefolder, model_folder

ROWS = [row(i, label) for i, label in enumerate(HOSTILE, start=1)]


@pytest.fixture
def blob(tmp_path):
    write_blobs(tmp_path, range(1, 100))
    return lambda sha256: tmp_path / sha256


def _class_folders(rows, blob, **options):
    file = io.BytesIO()
    classes = sorted({r["label"] for r in rows if r["label"] is not None})
    written = class_folders.write_class_folders(
        rows, file, class_names=classes, blob=blob, **options
    )
    return written, file.getvalue()


def _imagefolder(rows, blob, **options):
    file = io.BytesIO()
    return imagefolder.write_imagefolder(rows, file, blob=blob, **options), file.getvalue()


def _labels(archive):
    text = archive.read("labels.csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_class_folders__hostile_names_come_back_through_the_mapping(blob):
    written, data = _class_folders(ROWS, blob)
    archive = zipfile.ZipFile(io.BytesIO(data))
    read = _labels(archive)

    assert written.num_rows == len(HOSTILE)
    assert written.left_out == {}
    assert [r["label"] for r in read] == list(HOSTILE)
    assert [r["original_name"] for r in read] == [r["file_name"] for r in ROWS]
    assert [archive.read(r["file_name"]) for r in read] == [image(r["sample_id"]) for r in ROWS]
    assert len({r["file_name"].split("/")[0].casefold() for r in read}) == len(HOSTILE)
    assert archive.testzip() is None


def test_class_folders__extract_on_a_real_file_system(blob, tmp_path):
    _, data = _class_folders(ROWS, blob)
    zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path / "out")

    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(files) == len(HOSTILE) + 1
    assert all(p.resolve().is_relative_to(tmp_path / "out") for p in files)


def test_class_folders__a_plain_class_keeps_its_name():
    folders = class_folders.folder_names([" Cat", "CAT ", "Cat", "labels.csv"])
    assert folders == {"Cat": "Cat", " Cat": "Cat-2", "CAT ": "CAT-3", "labels.csv": "labels.csv-2"}


def test_class_folders__same_image_name_twice_in_a_class(blob):
    rows = [row(1, "a", file_name="x/1.png"), row(2, "a", file_name="y/1.PNG")]
    _, data = _class_folders(rows, blob)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["a/1.png", "a/1-2.png", "labels.csv"]


@pytest.mark.parametrize("write", [_class_folders, _imagefolder])
def test_archives__excluded_and_unlabelled_samples_are_left_out_and_listed(write, blob):
    rows = [row(1, "a"), row(2, "a", status="excluded"), row(3, None)]
    written, data = write(rows, blob)
    archive = zipfile.ZipFile(io.BytesIO(data))
    listed = [json.loads(line) for line in archive.read("left_out.txt").splitlines()]

    assert written.num_rows == 1
    assert written.left_out == {"excluded in review": 1, "no label": 1}
    assert [(r["sample_id"], r["reason"]) for r in listed] == [
        (2, "excluded in review"),
        (3, "no label"),
    ]
    assert write(rows, blob, include_excluded=True)[0].num_rows == 2


@pytest.mark.parametrize("write", [_class_folders, _imagefolder])
def test_archives__a_lost_or_changed_image_is_listed_not_exported(write, blob):
    rows = [row(1, "a"), row(2, "a"), row(3, "a")]
    blob(rows[0]["sha256"]).unlink()
    blob(rows[1]["sha256"]).write_bytes(b"bit rot")
    written, data = write(rows, blob)

    assert written.num_rows == 1
    assert written.left_out == {
        "image file is missing from the store": 1,
        "image file changed since the import": 1,
    }
    assert b"bit rot" not in data


@pytest.mark.parametrize("write", [_class_folders, _imagefolder])
def test_archives__same_labels_give_the_same_bytes(write, blob):
    assert write(ROWS, blob)[1] == write(ROWS, blob)[1]


@pytest.mark.parametrize("write", [_class_folders, _imagefolder])
def test_archives__a_check_that_raises_stops_the_writing(write, blob):
    def check():
        raise JobCancelled("cancelled")

    with pytest.raises(JobCancelled):
        write(ROWS, blob, check=check)


def test_imagefolder__metadata_gives_exact_labels_and_neutral_file_names(blob):
    _, data = _imagefolder(ROWS, blob)
    archive = zipfile.ZipFile(io.BytesIO(data))
    read = [json.loads(line) for line in archive.read("metadata.jsonl").decode().splitlines()]

    assert [r["label"] for r in read] == list(HOSTILE)
    assert [r["original_name"] for r in read] == [r["file_name"] for r in ROWS]
    assert read[0]["file_name"] == "images/00000001.png"
    assert [archive.read(r["file_name"]) for r in read] == [image(r["sample_id"]) for r in ROWS]


def test_imagefolder__no_other_key_is_taken_for_an_image():
    # datasets turns each key that ends so into an image column
    names = ("file_name", "file_names")
    found = [key for key in imagefolder.METADATA_KEYS if key.endswith(names)]
    assert found == ["file_name"]


def test_model__is_a_folder_without_links(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"x" * 3_000_000)
    (folder / "link").symlink_to("/etc/passwd")
    file = io.BytesIO()

    assert model_folder.write_model(folder, file, name="turn-run-2") == 2
    archive = zipfile.ZipFile(io.BytesIO(file.getvalue()))
    assert archive.namelist() == ["turn-run-2/config.json", "turn-run-2/model.safetensors"]
    assert archive.getinfo("turn-run-2/model.safetensors").file_size == 3_000_000


def test_model__a_run_without_a_model_is_said_so(tmp_path):
    with pytest.raises(NotFoundError, match="saved no model"):
        model_folder.write_model(tmp_path, io.BytesIO(), name="m")
