import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_sources import LIMITS, png, write_zip

from turn_core.errors import IngestError
from turn_core.ingest import inspection, parquet_table, reading
from turn_core.ingest.source import SourceRef


def image_column(images, paths=None):
    paths = paths or [None] * len(images)
    values = [{"bytes": data, "path": path} for data, path in zip(images, paths, strict=True)]
    return pa.array(values, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def write(path, columns, names=None):
    table = pa.table(columns)
    if names:
        features = {
            column: {"names": list(n), "_type": "ClassLabel"} for column, n in names.items()
        }
        info = json.dumps({"info": {"features": features}}).encode()
        table = table.replace_schema_metadata({b"huggingface": info})
    pq.write_table(table, path)
    return path


def read(path, **change):
    source = SourceRef.at_path(path)
    refused = []
    report = inspection.inspect(source, LIMITS)
    plan = replace(report.plan, **change)
    items = list(reading.read_source(plan, LIMITS, lambda *item: refused.append(item)))
    return items, refused, report


def test_class_labels__become_their_names(tmp_path):
    columns = {"image": image_column([png(i) for i in range(4)], ["a", "b", "c", "d"])}
    columns |= {"label": [1, 0, -1, None], "coarse": [5, 6, 7, 8]}
    path = write(tmp_path / "train-00000-of-00001.parquet", columns, {"label": ["007", " Cat"]})

    items, refused, report = read(path)

    assert [item.raw_label for item in items] == [" Cat", "007", None, None]
    assert [item.file_name for item in items] == ["a", "b", "c", "d"]
    assert [item.data for item in items] == [png(i) for i in range(4)]
    assert {item.split for item in items} == {"train"}
    assert items[2].row_ref == "train-00000-of-00001.parquet row 3"
    assert refused == []
    assert [(c.name, c.count) for c in report.classes] == [("007", 1), (" Cat", 1)]


def test_integers_without_names_and_true_labels__are_digits(tmp_path):
    columns = {"image": image_column([png(0), png(1)]), "label": [7, 10], "true_label": ["7", "9"]}

    items, _, _ = read(write(tmp_path / "x.parquet", columns))

    assert [(i.raw_label, i.true_label, i.split) for i in items] == [
        ("7", "7", None),
        ("10", "9", None),
    ]
    assert [item.file_name for item in items] == ["x/0000001", "x/0000002"]


def test_rows_that_cannot_be_used__are_refused_by_number(tmp_path):
    images = image_column([png(0), None, png(2)], ["a.png", "https://host/b.png", "c.png"])
    path = write(tmp_path / "x.parquet", {"image": images, "label": [0, 0, 5]}, {"label": ["cat"]})

    items, refused, _ = read(path)

    assert [item.file_name for item in items] == ["a.png"]
    assert refused[0] == (
        "x.parquet row 2",
        "it holds no image bytes; images elsewhere are not fetched",
    )
    assert refused[1][0] == "x.parquet row 3"
    assert "is 5, but there are names for 0 to 0 only" in refused[1][1]


def test_shards__are_read_in_order_and_same_names_kept_apart(tmp_path):
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    for split, number in (("test", 9), ("train", 1)):
        columns = {"image": image_column([png(number)], ["0.png"]), "label": [split]}
        write(folder / f"{split}-00000-of-00001.parquet", columns)

    items, _, report = read(tmp_path / "set")

    assert [item.file_name for item in items] == [
        "test-00000-of-00001/0000001-0.png",
        "train-00000-of-00001/0000001-0.png",
    ]
    assert [item.split for item in items] == ["test", "train"]
    assert report.num_images == 2
    assert report.splits == ("test", "train")


def test_many_shards_in_a_zip__are_all_counted_and_read(tmp_path):
    shards = {}
    for i in range(25):
        columns = {"image": image_column([png(i)], [f"{i}.png"]), "label": [i % 3]}
        path = write(tmp_path / "x.parquet", columns, {"label": ["a", "b", "c"]})
        shards[f"set/train-{i:05d}-of-00025.parquet"] = path.read_bytes()

    items, _, report = read(write_zip(tmp_path / "set.zip", shards))

    assert report.num_images == len(items) == 25
    assert report.num_classes == 3
    assert {item.split for item in items} == {"train"}


def test_plain_binary_column__holds_images_too(tmp_path):
    items, _, _ = read(write(tmp_path / "x.parquet", {"img": [png(3)], "class": ["a"]}))

    assert [(item.data, item.raw_label) for item in items] == [(png(3), "a")]


def test_hostile_path__is_not_used_as_name(tmp_path):
    images = image_column([png(0), png(1)], ["../../etc/x", "ok.png"])

    items, _, _ = read(write(tmp_path / "x.parquet", {"image": images, "label": ["a", "b"]}))

    assert [item.file_name for item in items] == ["x/0000001", "ok.png"]


def test_path_that_is_no_utf8__is_told_in_one_sentence(tmp_path):
    raw = pa.array([b"\xff.png"], pa.binary())
    paths = pa.Array.from_buffers(pa.string(), 1, raw.buffers())
    images = pa.StructArray.from_arrays([pa.array([png()]), paths], ["bytes", "path"])
    path = write(tmp_path / "x.parquet", {"image": images, "label": ["cat"]})

    with pytest.raises(IngestError, match=r"x\.parquet is no sound Parquet file"):
        read(path)


def test_class_name_with_half_a_character__is_no_class(tmp_path):
    columns = {"image": image_column([png(0), png(1)]), "label": [0, 1]}

    items, refused, report = read(
        write(tmp_path / "x.parquet", columns, {"label": ["\ud800", "cat"]})
    )

    assert [item.raw_label for item in items] == ["cat"]
    assert refused == [("x.parquet row 1", "its label is not valid Unicode")]
    assert [c.name for c in report.classes] == ["cat"]


@pytest.mark.parametrize(
    ("columns", "change", "message"),
    [
        ({"label": [0.5]}, {}, "has no label column chosen|has no label column"),
        ({"label": ["a"]}, {"label_column": "nothing"}, "has no column nothing"),
        ({"label": ["a"]}, {"image_column": "label"}, "no Parquet file with image bytes"),
        ({"label": [0.5]}, {"label_column": "label"}, "holds double values"),
    ],
)
def test_wrong_columns__are_refused_in_one_sentence(tmp_path, columns, change, message):
    path = write(tmp_path / "x.parquet", {"image": image_column([png()]), **columns})

    with pytest.raises(IngestError, match=message):
        read(path, **change)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"a,b\n1,2\n" * 9, b"PAR1" + bytes(90) + b"PAR1"]
)
def test_file_that_is_no_parquet__is_refused(tmp_path, content):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)

    with pytest.raises(IngestError, match="Parquet file"):
        inspection.inspect(SourceRef.at_path(path), LIMITS)


def test_footer_that_lies__is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + bytes(100) + (10**9).to_bytes(4, "little") + b"PAR1")

    with pytest.raises(IngestError, match="footer of 1,000,000,000 bytes"):
        inspection.inspect(SourceRef.at_path(path), LIMITS)


def test_too_many_rows__are_refused(tmp_path):
    path = write(tmp_path / "x.parquet", {"image": image_column([png()] * 3), "label": list("abc")})

    with pytest.raises(IngestError, match="3 rows, over the limit of 2"):
        inspection.inspect(SourceRef.at_path(path), replace(LIMITS, table_rows=2))


BOMB = """
import sys, resource
from pathlib import Path
from turn_core.config import IngestLimits
from turn_core.ingest import parquet_table
with open(sys.argv[1], "rb") as stream:
    rows = parquet_table.rows(stream, "x.parquet", ["text"], IngestLimits())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(len(row["text"]) > 0 for row, _ in zip(rows, range(20_000)))
    print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_dictionary_bomb__stays_small_in_memory(tmp_path):
    path = tmp_path / "x.parquet"  # 300,000 rows x 100 kB of text in one file of a few kB
    text = pa.DictionaryArray.from_arrays(np.zeros(300_000, np.int8), ["x" * 100_000])
    pq.write_table(pa.table({"text": text}), path, store_schema=False)
    assert path.stat().st_size < 100_000

    ran = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True)

    count, grown = map(int, ran.stdout.split())
    assert count == 20_000
    assert grown * (1 if sys.platform == "darwin" else 1024) < 100 << 20


def test_fuzzed_parquet__raises_nothing_else(tmp_path):
    sound = write(
        tmp_path / "s.parquet",
        {"image": image_column([png(i) for i in range(9)]), "label": list("abcabcabc")},
    ).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "x.parquet"
    for _ in range(150):
        broken = bytearray(sound)
        for place in rng.integers(0, len(sound), 3):
            broken[place] = int(rng.integers(0, 256))
        path.write_bytes(bytes(broken))
        try:
            read(path)
        except IngestError:
            continue


def test_odd_metadata__give_no_names():
    for document in (
        b"{",
        b"[]",
        b'{"info": 3}',
        b'{"info": {"features": {"label": {"names": [1]}}}}',
    ):
        schema = pa.schema([("label", pa.int64())]).with_metadata({b"huggingface": document})
        assert parquet_table.class_names(schema, "label") is None


def test_cifar100_as_parquet__keeps_fine_classes_and_splits(tmp_path):
    fine, coarse = ["apple", "aquarium_fish"], ["fish", "fruit"]
    for number, split in enumerate(("train", "test")):
        columns = {"img": image_column([png(2 * number), png(2 * number + 1)])}
        columns |= {"fine_label": [1, 0], "coarse_label": [0, 1]}
        path = tmp_path / f"{split}-00000-of-00001.parquet"
        write(path, columns, {"fine_label": fine, "coarse_label": coarse})

    items, refused, report = read(tmp_path)

    plan = report.plan
    assert (plan.form, plan.image_column, plan.label_column) == ("parquet", "img", "fine_label")
    assert [c.name for c in report.classes] == fine
    assert [(i.raw_label, i.split) for i in items] == [
        ("aquarium_fish", "test"),
        ("apple", "test"),
        ("aquarium_fish", "train"),
        ("apple", "train"),
    ]
    assert refused == []
