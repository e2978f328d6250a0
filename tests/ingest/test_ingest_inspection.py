import json

import pytest
from ingest_sources import LIMITS, png, write_zip

from turn_core.errors import ConfigError, IngestError
from turn_core.ingest.class_folders import find_layout
from turn_core.ingest.inspection import inspect
from turn_core.ingest.source import ImportPlan, SourceRef, SourceReport


def look(tmp_path, members, name="photos.zip"):
    path = write_zip(tmp_path / name, members)
    return inspect(SourceRef.at_path(path), LIMITS)


@pytest.mark.parametrize(
    ("paths", "labels", "splits"),
    [
        (["cat/1.png", "dog/2.png"], ["cat", "dog"], [None, None]),
        (["top/cat/1.png", "top/dog/2.png"], ["cat", "dog"], [None, None]),
        (["top/in/cat/1.png", "top/in/dog/2.png"], ["cat", "dog"], [None, None]),
        (["train/cat/1.png", "test/cat/2.png"], ["cat", "cat"], ["train", "test"]),
        (["d/train/cat/1.png", "d/val/dog/2.png"], ["cat", "dog"], ["train", "val"]),
        (["train/cat/1.png", "train/dog/2.png"], ["cat", "dog"], ["train", "train"]),
        (["train/1.png", "car/2.png"], ["train", "car"], [None, None]),
        (["train/1.png", "test/2.png"], ["train", "test"], [None, None]),
        (["cat/1.png"], ["cat"], [None]),
        (["top/cat/1.png"], ["cat"], [None]),
        (["cat/1.png", "cat/sub/2.png", "dog/3.png"], ["cat", "cat", "dog"], [None] * 3),
        (["cat/1.png", "dog/2.png", "3.png"], ["cat", "dog", None], [None] * 3),
        (["top/cat/1.png", "top/dog/2.png", "top/3.png"], ["cat", "dog", None], [None] * 3),
        (["cat/1.png", "_unlabeled/2.png"], ["cat", None], [None, None]),
        ([" Cat/1.png", "007/2.png", "NA/3.png"], [" Cat", "007", "NA"], [None] * 3),
    ],
)
def test_class_folders__are_found_under_wrappers_and_splits(paths, labels, splits):
    layout = find_layout(paths)

    found = [layout.label_of(path) for path in paths]
    assert [item.label for item in found] == labels
    assert [item.split for item in found] == splits


def test_images_without_folders__have_no_layout():
    assert find_layout(["1.png", "2.png"]) is None


def test_class_folders__are_reported_with_counts(tmp_path):
    members = {f"cat/{i}.png": png(i) for i in range(3)} | {"dog/9.png": png(9)}
    members |= {".DS_Store": b"x", "cat/../evil.png": b"x", "cat/in.zip": b"PK"}

    report = look(tmp_path, members)

    assert report.plan.form == "class_folders"
    assert report.plan.name == "photos"
    assert [(c.name, c.count) for c in report.classes] == [("cat", 3), ("dog", 1)]
    assert (report.num_images, report.num_classes) == (4, 2)
    assert (report.num_ignored, report.num_refused) == (1, 2)
    assert report.problem == ""
    assert report.forms == ("class_folders",)


def test_table__is_preferred_to_folders_where_it_names_images(tmp_path):
    members = {"images/a.png": png(0), "images/b.png": png(1), "results.csv": b"x,y\n1,2\n"}
    members["metadata.csv"] = (
        b"file_name,label,true_label,split\na.png,cat,dog,train\nb.png,,dog,test\n"
    )

    report = look(tmp_path, members)
    plan = report.plan

    assert (plan.form, plan.table) == ("table", "metadata.csv")
    assert (plan.image_column, plan.label_column) == ("file_name", "label")
    assert (plan.true_label_column, plan.split_column) == ("true_label", "split")
    assert [(c.name, c.count) for c in report.classes] == [("cat", 1)]
    assert any("1 images have no label" in warning for warning in report.warnings)
    table = next(t for t in report.tables if t.path == "metadata.csv")
    assert table.num_rows == 2
    assert [(c.name, c.role, c.samples) for c in table.columns][:2] == [
        ("file_name", "image", ("a.png", "b.png")),
        ("label", "label", ("cat",)),
    ]
    assert report.forms == ("class_folders", "table")


def test_table_that_names_no_images__leaves_the_folders(tmp_path):
    members = {"cat/a.png": png(0), "dog/b.png": png(1), "log.csv": b"step,label\n1,2\n"}

    assert look(tmp_path, members).plan.form == "class_folders"


def test_csv_without_a_label_column__is_one_clear_sentence(tmp_path):
    report = look(tmp_path, {"a.png": png(), "labels.csv": b"file_name,width\na.png,8\n"})

    assert report.problem == (
        "labels.csv has no label column; its columns are file_name, width: choose the one that "
        "holds the labels, or add a column label"
    )


def test_images_without_any_label__say_what_to_do(tmp_path):
    report = look(tmp_path, {"a.png": png(0), "b.png": png(1)})

    assert "photos.zip has images but no labels; put the images of each class" in report.problem


def test_table_with_strange_columns__can_still_be_chosen(tmp_path):
    report = look(tmp_path, {"a.png": png(), "t.csv": b"foo,bar\n1,2\n"})

    assert report.plan.form == "table"
    assert "no column that names the images; its columns are foo, bar" in report.problem
    assert report.tables[0].path == "t.csv"


def test_one_folder_beside_a_table_of_its_images__is_no_label(tmp_path):
    table = b"file_name,defect\nimages/1.png,scratch\nimages/2.png,dent\n"

    report = look(
        tmp_path, {"images/1.png": png(1), "images/2.png": png(2), "annotations.csv": table}
    )

    assert (report.plan.form, report.plan.table) == ("table", "annotations.csv")
    assert (report.plan.image_column, report.plan.label_column) == ("file_name", "")
    assert "class_folders" in report.forms
    assert "annotations.csv has no label column" in report.problem


def test_rows_and_images_that_do_not_meet__are_warned_about(tmp_path):
    text = b"file_name,label\na.png,cat\nb.png,cat\ngone.png,dog\n"
    members = {"a.png": png(0), "b.png": png(1), "c.png": png(2), "d.png": png(3), "t.csv": text}

    warnings = look(tmp_path, members).warnings

    assert "1 rows name no image of the source" in warnings
    assert "2 images are named by no row" in warnings


def test_names_that_look_alike__are_warned_about_and_kept_apart(tmp_path):
    members = {"Cat/1.png": png(0), "cat/2.png": png(1), "caf\u00e9/3.png": png(2)}
    members |= {"cafe\u0301/4.png": png(3), "cat/con.png": png(4), "cat/x\u202ey.png": png(5)}

    report = look(tmp_path, members)
    text = " | ".join(report.warnings)

    assert report.num_classes == 4
    assert "'Cat', 'cat' look alike" in text
    assert "1 names are no valid file names on Windows, e.g. 'cat/con.png'" in text
    assert "'cat/x\\u{202e}y.png'" in text


def test_one_class__can_be_browsed_but_is_warned_about(tmp_path):
    report = look(tmp_path, {"cat/1.png": png(0), "cat/2.png": png(1)})

    assert report.problem == ""
    assert "training needs at least 2 classes" in report.warnings[0]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"notes.txt": b"x"}, "photos.zip holds no images that can be used; give JPEG"),
        ({"in.zip": b"x", "on.zip": b"y"}, r"holds no images that can be used \(2 x an archive"),
        ({"t.csv": "caf\u00e9\n".encode("latin-1")}, r"\(t.csv is not UTF-8 text"),
    ],
)
def test_source_without_images__says_why(tmp_path, members, message):
    with pytest.raises(IngestError, match=message):
        look(tmp_path, members)


def test_table_that_cannot_be_read__is_warned_about(tmp_path):
    report = look(tmp_path, {"cat/1.png": png(), "t.csv": "caf\u00e9\n".encode("latin-1")})

    assert report.plan.form == "class_folders"
    assert "t.csv is not UTF-8 text" in report.warnings[0]


def test_cut_characters_in_captions__do_not_keep_the_report_from_being_stored(tmp_path):
    line = b'{"file_name": "1.png", "label": "cat", "caption": "half \\ud83d", "\\ud83d": 1}\n'
    report = look(tmp_path, {"1.png": png(1), "metadata.jsonl": line})

    json.dumps(report.to_dict(), ensure_ascii=False).encode()
    columns = {column.name: column.samples for column in report.tables[0].columns}
    assert columns == {"file_name": ("1.png",), "label": ("cat",), "caption": ("half \\u{d83d}",)}


def test_text_file_named_zip__is_one_clear_sentence(tmp_path):
    path = tmp_path / "notes.zip"
    path.write_text("Hello, these are my notes")

    with pytest.raises(IngestError) as caught:
        inspect(SourceRef.at_path(path), LIMITS)

    assert str(caught.value) == (
        "notes.zip is not a ZIP archive (it begins with 'Hello, these are'); give a ZIP archive "
        "of images"
    )


def test_report__goes_through_json_unchanged(tmp_path):
    text = b"file_name,label\na.png,cat\n"
    report = look(tmp_path, {"a.png": png(), "t.csv": text, "../x.png": b"x"})

    assert SourceReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_digits__are_reported_without_a_file():
    report = inspect(SourceRef(kind="digits"), LIMITS)

    assert (report.num_images, report.num_classes, report.plan.form) == (1797, 10, "digits")


def test_sources_and_plans__are_checked(tmp_path):
    with pytest.raises(ConfigError, match="kind of a source"):
        SourceRef(kind="tar")
    with pytest.raises(ConfigError, match="noise_rate"):
        SourceRef(kind="digits", noise_rate=1.0)
    with pytest.raises(ConfigError, match="form of a source"):
        ImportPlan(source=SourceRef(kind="zip"), form="coco", name="x")
    with pytest.raises(IngestError, match="there is nothing at"):
        SourceRef.at_path(tmp_path / "nowhere")
    (tmp_path / "labels.csv").touch()
    with pytest.raises(
        IngestError, match=r"labels\.csv is a table without images; give the folder"
    ):
        SourceRef.at_path(tmp_path / "labels.csv")
    assert SourceRef(kind="zip", name="a\nb.zip").title == "a\\x0ab.zip"
