from dataclasses import replace

import pytest
from ingest_sources import LIMITS, png, refused, taken, write_zip
from published_sets import CATEGORIES, write_clothing, write_webvision

from turn_core.errors import IngestError
from turn_core.ingest import inspection, reading
from turn_core.ingest.classes import ClassNames
from turn_core.ingest.source import SourceRef
from turn_core.services import projects

KEY = "images/{0}/0{0}/{0},{0}.jpg".format
MISSING = [
    (write_clothing, "noisy_label_kv", "noisy_label_kv.txt with the labels is missing"),
    (write_clothing, "noisy_train_key_list", "noisy_train_key_list.txt with the training images"),
    (write_webvision, "train_filelist_google", "train_filelist_google.txt with the training im"),
    (write_webvision, "synsets", "synsets.txt with the names of the classes is missing"),
]


def look(path, limits=LIMITS):
    return inspection.inspect(SourceRef.at_path(path), limits)


def read(path, form=None):
    missing = []
    plan = look(path).plan
    plan = replace(plan, form=form or plan.form)
    items = list(reading.read_source(plan, LIMITS, lambda *item: missing.append(item)))
    return {item.file_name: item for item in items}, missing


def labels(items):
    return {name: (i.raw_label, i.true_label, i.split) for name, i in items.items()}


def counts(report):
    return {c.name: c.count for c in report.classes}


# Clothing1M


def test_clothing__is_recognised_and_counted(tmp_path):
    report = look(write_clothing(tmp_path))

    assert report.plan.form == "clothing1m"
    assert report.num_images == 6
    assert report.num_bytes == sum(len(png(i)) for i in range(6))
    assert counts(report) == {"T-Shirt": 2, "Shirt": 2, "Knitwear": 2}
    assert report.splits == ("clean_train", "test", "train", "val")
    assert (report.warnings, report.problem, report.refused) == ((), "", ())


def test_clothing__clean_label_is_the_true_one_where_there_are_both(tmp_path):
    items, missing = read(write_clothing(tmp_path))

    assert labels(items) == {
        KEY(0): ("T-Shirt", None, "train"),
        KEY(1): ("Shirt", None, "train"),
        KEY(2): ("Knitwear", "Shirt", "clean_train"),
        KEY(3): ("Knitwear", None, "clean_train"),
        KEY(4): ("T-Shirt", "T-Shirt", "val"),
        KEY(5): ("Shirt", None, "test"),
    }
    assert items[KEY(2)].data == png(2)
    assert items[KEY(2)].row_ref == "clean_train_key_list.txt line 1"
    assert missing == []


def test_clothing__classes_keep_the_order_of_the_authors(tmp_path):
    plan = look(write_clothing(tmp_path)).plan
    assert ClassNames.of(plan, [], LIMITS).names == tuple(CATEGORIES)


def test_clothing__listed_image_that_is_not_there_is_refused_and_the_import_goes_on(
    importer, tmp_path
):
    folder = write_clothing(tmp_path / "c")
    (folder / KEY(1)).unlink()
    (folder / KEY(2)).write_bytes(b"no image")

    report = importer.inspect(folder)
    result = importer.take(replace(report.plan, name="clothing"))

    assert "1 listed images are not there" in report.warnings[0]
    found = taken(importer.workspace, result["project_id"])
    assert found[KEY(4)][:2] == ("T-Shirt", "T-Shirt")
    assert len(found) == 4
    reasons = refused(importer.workspace, result["project_id"])
    assert "holds no such image" in reasons["noisy_train_key_list.txt line 2"]
    assert set(reasons) == {"noisy_train_key_list.txt line 2", "clean_train_key_list.txt line 1"}


def test_clothing__lists_in_a_folder_and_images_unpacked_without_theirs(tmp_path):
    folder = write_clothing(tmp_path / "c")
    (folder / "annotations").mkdir()
    for path in folder.glob("*.txt"):
        path.rename(folder / "annotations" / path.name)
    for path in (folder / "images").iterdir():
        path.rename(folder / path.name)

    items, missing = read(folder)

    assert len(items) == 6
    assert missing == []


def test_clothing__zip_with_a_folder_around(tmp_path):
    folder = write_clothing(tmp_path / "c")
    members = {
        f"clothing1M/{path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    packed = read(write_zip(tmp_path / "c.zip", members))[0]
    assert labels(packed) == labels(read(folder)[0])


def test_clothing__without_clean_labels_or_names_the_report_says_so(tmp_path):
    folder = write_clothing(tmp_path, clean_label_kv=None, category_names_eng=None)

    report = look(folder)
    items, _ = read(folder)

    assert labels(items) == {KEY(0): ("0", None, "train"), KEY(1): ("1", None, "train")}
    assert [w.partition(";")[0] for w in report.warnings] == [
        "there is no category_names_eng.txt",
        "there is no clean_label_kv.txt",
        "4 images are in no list that is read, and are left out",
    ]


def test_clothing__lines_that_are_none_are_refused_by_number(tmp_path):
    labels_of = f"{KEY(0)} 0\n{KEY(1)}\n\n{KEY(2)} -1\n{KEY(3)} 99\n"
    keys = f"{KEY(0)}\n{KEY(0)}\n{KEY(1)}\n{KEY(3)}\n../../etc/passwd\n"
    folder = write_clothing(
        tmp_path, noisy_label_kv=labels_of, noisy_train_key_list=keys, clean_label_kv=None
    )

    items, missing = read(folder)

    assert labels(items) == {KEY(0): ("T-Shirt", None, "train"), KEY(1): (None, None, "train")}
    reasons = dict(missing)
    assert "a space and the number" in reasons["noisy_label_kv.txt line 2"]
    assert "a space and the number" in reasons["noisy_label_kv.txt line 4"]
    assert "named by an earlier line" in reasons["noisy_train_key_list.txt line 2"]
    assert "99, but there are 3 classes" in reasons["noisy_train_key_list.txt line 4"]
    assert "holds no such image" in reasons["noisy_train_key_list.txt line 5"]


# WebVision


def test_webvision__mini_is_proposed_where_only_its_images_are_there(tmp_path):
    folder = write_webvision(tmp_path)

    report = look(folder)
    items, missing = read(folder)

    assert report.plan.form == "webvision_mini"
    assert report.forms == ("webvision", "webvision_mini")
    assert report.num_classes == 50
    assert labels(items) == {
        "google/q0001/a.jpg": ("tench, Tinca 0", None, "train"),
        "google/q0002/b.jpg": ("crane (n00000001)", None, "train"),
        "val000001.jpg": ("crane (n00000001)", None, "val"),
    }
    assert missing == []


def test_webvision__whole_set_has_all_classes_and_says_what_is_not_there(tmp_path):
    folder = write_webvision(tmp_path, has_last=True)

    report = look(folder)
    items, missing = read(folder)

    assert report.plan.form == "webvision"
    assert report.num_classes == 61
    assert items["google/q0060/z.jpg"].raw_label == "tench, Tinca 60"
    assert "1 listed images are not there" in report.warnings[0]
    assert [ref for ref, _ in missing] == ["info/val_filelist.txt line 2"]
    mini, missing = read(folder, "webvision_mini")
    assert set(mini) == {"google/q0001/a.jpg", "google/q0002/b.jpg", "val000001.jpg"}
    assert missing == []


def test_webvision__import_keeps_classes_without_samples(importer, tmp_path):
    report = importer.inspect(write_webvision(tmp_path / "w", val_filelist=None))
    result = importer.take(replace(report.plan, name="webvision"))

    assert "there is no val_filelist.txt" in report.warnings[0]
    found = taken(importer.workspace, result["project_id"])
    assert set(found) == {"google/q0001/a.jpg", "google/q0002/b.jpg"}
    assert found["google/q0001/a.jpg"][0] == "tench, Tinca 0"
    assert len(projects.classes(importer.workspace, result["project_id"])) == 50


# Both


@pytest.mark.parametrize(("write", "absent", "sentence"), MISSING)
def test_list_without_which_nothing_can_be_read__is_asked_for(tmp_path, write, absent, sentence):
    report = look(write(tmp_path, **{absent: None}))

    assert sentence in report.problem
    with pytest.raises(IngestError, match="is missing; put it there"):
        list(reading.read_source(report.plan, LIMITS, print))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "is empty"), ("a\na\n", "names a class twice"), ("x" * 201, "over 200 characters")],
)
def test_names_that_cannot_be_classes__refuse_the_source(tmp_path, text, sentence):
    with pytest.raises(IngestError, match=sentence):
        look(write_clothing(tmp_path, category_names_eng=text or "\n"))


def test_list_that_is_not_utf8_or_too_long__refuses_the_source(tmp_path):
    folder = write_clothing(tmp_path, noisy_train_key_list=f"{KEY(0)}\n" * 41)
    with pytest.raises(IngestError, match="over 40 lines"):
        look(folder, replace(LIMITS, table_rows=40))
    with pytest.raises(IngestError, match="over the limit of 50 for a list"):
        look(folder, replace(LIMITS, table_bytes=50))
    (folder / "noisy_label_kv.txt").write_bytes(b"images/\xff.jpg 1\n")
    with pytest.raises(IngestError, match="is not UTF-8"):
        look(folder)


def test_lists_that_are_links__are_not_read(tmp_path):
    folder = write_clothing(tmp_path / "c")
    (folder / "noisy_label_kv.txt").rename(tmp_path / "elsewhere.txt")
    (folder / "noisy_label_kv.txt").symlink_to(tmp_path / "elsewhere.txt")

    assert "noisy_label_kv.txt with the labels is missing" in look(folder).problem


def test_more_files_than_an_import_may_have__are_allowed_where_lists_name_them(tmp_path):
    limits = replace(LIMITS, entries=10, total_bytes=10)
    assert look(write_clothing(tmp_path / "listed"), limits).num_images == 6
    (tmp_path / "other" / "cat").mkdir(parents=True)
    for i in range(11):
        (tmp_path / "other" / "cat" / f"{i}.png").write_bytes(png(i))
    with pytest.raises(IngestError, match="more than 10 files"):
        look(tmp_path / "other", limits)


def test_other_source_with_a_file_called_like_a_list__is_what_it_was(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(png(1))
    (tmp_path / "synsets.txt").write_text("n0 cat\n")

    report = look(tmp_path)

    assert report.plan.form == "class_folders"
    assert report.num_ignored == 1
