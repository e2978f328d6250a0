import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
from ingest_sources import LIMITS, taken, write_zip
from PIL import Image
from published_sets import batch, describe, hostile, meta, planes, write_cifar

from turn_core.errors import IngestError
from turn_core.ingest import cifar_process, inspection, reading
from turn_core.ingest.opening import open_container
from turn_core.ingest.source import SourceRef

HOSTILE = sorted(set(hostile("marker")) - {"hash_without_end"})  # told by its reason below


@pytest.fixture
def official(tmp_path):
    return write_cifar(tmp_path / "cifar-100-python")


def look(path):
    return inspection.inspect(SourceRef.at_path(path), LIMITS)


def read(path, limits=LIMITS):
    refused = []
    plan = look(path).plan
    items = list(reading.read_source(plan, limits, lambda *item: refused.append(item)))
    return items, refused


def pixels(item):
    return np.asarray(Image.open(io.BytesIO(item.data)))


def test_miniature__is_what_python_2_wrote():
    ops = describe(batch(planes(2), [0, 1]))
    assert {"PROTO", "BINSTRING", "GLOBAL", "REDUCE", "BUILD"} <= set(ops)
    found = pickle.loads(batch(planes(2), [0, 1]), encoding="bytes")
    assert (found[b"data"] == planes(2)).all()


def test_official_folder__is_recognised_and_counted(official):
    report = look(official)

    assert report.plan.form == "cifar100"
    assert report.forms == ("cifar100",)
    assert report.num_images == 6
    assert report.splits == ("test", "train")
    classes = [(c.name, c.count) for c in report.classes]
    assert classes == [("apple", 2), ("aquarium_fish", 2), ("baby", 2)]
    assert (report.problem, report.refused, report.warnings) == ("", (), ())


def test_rows__become_images_with_class_and_split(official):
    items, refused = read(official)

    assert refused == []
    assert [item.raw_label for item in items[:4]] == ["baby", "apple", "aquarium_fish", "apple"]
    assert [item.split for item in items] == ["train"] * 4 + ["test"] * 2
    assert [item.true_label for item in items] == [None] * 6
    assert items[0].file_name == "train/00000-a_s_000000.png"
    assert items[5].row_ref == "test row 2"
    expected = planes(4)[1].reshape(3, 32, 32).transpose(1, 2, 0)
    assert (pixels(items[1]) == expected).all()


def test_data_that_lie_by_column__are_the_same_images(official, tmp_path):
    other = write_cifar(tmp_path / "other", train=batch(planes(4), [2, 0, 1, 0], by_column=True))
    assert [i.data for i in read(other)[0]] == [i.data for i in read(official)[0]]


def test_batches_that_python_3_wrote_anew__are_read(tmp_path):
    values = {"fine_labels": [1, 0], "filenames": ["x.png", "../y.png"], "data": planes(2)}
    for protocol in (2, 4):
        files = {"train": pickle.dumps(values, protocol), "test": None}
        items, refused = read(write_cifar(tmp_path / f"p{protocol}", **files))
        assert [item.raw_label for item in items] == ["aquarium_fish", "apple"]
        assert [item.file_name for item in items] == ["train/00000-x.png", "train/00001.png"]
        assert refused == []


def test_zip_with_a_folder_around__is_read_too(official, tmp_path):
    members = {f"a/cifar-100-python/{p.name}": p.read_bytes() for p in official.iterdir()}
    packed = write_zip(tmp_path / "cifar.zip", members)
    assert [i.data for i in read(packed)[0]] == [i.data for i in read(official)[0]]


def test_import__makes_a_project_with_all_classes_in_their_order(importer, official):
    (official / "train").write_bytes(batch(planes(2), [2, 2]))
    (official / "test").unlink()
    report = importer.inspect(official)
    result = importer.take(replace(report.plan, name="cifar"))

    assert [w for w in report.warnings if "no batch test" in w]
    assert result["num_samples"] == 2
    found = taken(importer.workspace, result["project_id"])
    assert {given for given, _, _ in found.values()} == {"baby"}
    assert [c.name for c in report.classes] == ["apple", "aquarium_fish", "baby"]


def test_without_meta__the_report_says_what_to_do(official):
    (official / "meta").unlink()

    report = look(official)

    assert "no file meta" in report.problem
    with pytest.raises(IngestError, match="no file meta"):
        list(reading.read_source(report.plan, LIMITS, print))


def test_label_without_a_name__refuses_the_row_and_goes_on(tmp_path):
    folder = write_cifar(tmp_path, train=batch(planes(3), [0, 3, 1]), test=None)

    items, refused = read(folder)

    assert [item.raw_label for item in items] == ["apple", "aquarium_fish"]
    assert (pixels(items[1]) == planes(3)[2].reshape(3, 32, 32).transpose(1, 2, 0)).all()
    assert refused == [("train row 2", "its label is 3, but meta names 3 classes")]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickle__is_refused_without_running_anything(tmp_path, name):
    marker = tmp_path / "marker"
    folder = write_cifar(tmp_path / "set", train=hostile(marker)[name])
    with open_container(SourceRef.at_path(folder), LIMITS) as container:
        bounds = {"memory_bytes": 512 * 2**20, "cpu_seconds": 1}
        with (
            pytest.raises(IngestError, match=r"train is no batch of CIFAR-100 .*; take the orig"),
            cifar_process.opened(container, "train", "batch", **bounds),
        ):
            pass
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("system", "posix.system"),
        ("eval", "builtin"),
        ("numpy_load", "numpy.load"),
        ("terabyte", "more memory"),
        ("hash_without_end", "more processor time"),
        ("array_of_nothing", "one row of 3072 bytes for each"),
        ("wrong_numbers", "not bytes"),
        ("no_pickle", "no sound pickle"),
    ],
)
def test_refusal__names_its_reason(tmp_path, name, reason):
    folder = write_cifar(tmp_path / "set", train=hostile("marker")[name])
    seconds = 1 if name == "hash_without_end" else 60
    with (
        open_container(SourceRef.at_path(folder), LIMITS) as container,
        pytest.raises(IngestError, match=reason),
        cifar_process.opened(container, "train", "batch", cpu_seconds=seconds),
    ):
        pass


def test_pickle_over_the_limit__is_not_opened(official):
    limits = replace(LIMITS, pickle_bytes=1000)
    with pytest.raises(IngestError, match="over the limit of 1,000 for a pickled batch"):
        inspection.inspect(SourceRef.at_path(official), limits)


def test_class_names_that_are_none__are_refused(tmp_path):
    for names in ([], [b"a", b"a"], [b"a", b""]):
        folder = write_cifar(tmp_path, meta=meta(names))
        with pytest.raises(IngestError, match=r"meta is no batch of CIFAR-100 that can be opened"):
            look(folder)


def test_file_called_train_alone__is_no_cifar(tmp_path, official):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "dog").mkdir(parents=True)
    image = read(official)[0][0].data
    for name in ("cat/train", "dog/meta.png"):
        (tmp_path / "photos" / name).write_bytes(image)

    items, _ = read(tmp_path / "photos")

    assert sorted((i.file_name, i.raw_label) for i in items) == [
        ("cat/train", "cat"),
        ("dog/meta.png", "dog"),
    ]


def test_file_that_lies_beside_the_official_batches__is_left_out(official):
    (official / "file.txt~").write_text("left by an editor")
    assert look(official).num_ignored == 1
    assert len(read(official)[0]) == 6


def test_class_folders_with_files_called_train_and_test__are_class_folders(tmp_path, official):
    image = read(official)[0][0].data
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(image)
    for name in ("train", "test"):
        (tmp_path / "photos" / name).write_text("a/1.png\n")

    report = look(tmp_path / "photos")

    assert report.plan.form == "class_folders"
    assert {c.name for c in report.classes} == {"a", "b"}
