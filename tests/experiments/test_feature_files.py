"""Features and labels as files: every form, matched by name or by order, and what is refused."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turn_core.compare_config import CompareConfig
from turn_core.errors import ConfigError, DataError
from turn_core.experiments.compare_features import FilesRequest, compare_files
from turn_core.experiments.feature_files import as_candidates, read_features
from turn_core.store.arrays import save_arrays

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
LABELS = ("cat", "dog", "cat", "dog")


def write_csv(path, header, *rows):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_arrays_by_order(tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float64))
    np.save(tmp_path / "y.npy", np.array([3, 10, 3, 2]))
    found = read_features(tmp_path / "x.npy", tmp_path / "y.npy")
    assert np.array_equal(found.features, X)
    candidates, classes = as_candidates(found)
    assert classes == ("2", "3", "10")  # whole numbers by size
    assert candidates.labels.tolist() == [1, 2, 1, 0]
    assert candidates.true.tolist() == [-1] * 4


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_one_file_with_both(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    if kind == "npz":
        np.savez(path, features=X, labels=np.array(LABELS), splits=np.array(["a", "a", "b", "b"]))
        found = read_features(path, None)
        assert found.splits == ("a", "a", "b", "b")
        assert found.labels == LABELS
    else:
        save_arrays(path, {"embeddings": X, "label": np.array([0, 1, 0, 1])})
        assert read_features(path, None).labels == ("0", "1", "0", "1")


def test_parquet_with_lists_and_a_table_are_matched_by_file_name(tmp_path):
    names = [f"{n}.png" for n in "abcd"]
    table = pa.table({"file_name": names, "embedding": [list(map(float, row)) for row in X]})
    pq.write_table(table, tmp_path / "x.parquet")
    labels = write_csv(
        tmp_path / "y.csv",
        "file_name,label,true_label,domain",
        *("d.png,dog,dog,photo", "b.png,dog,,photo", "a.png,cat,dog,sketch", "c.png,cat,cat,photo"),
        "z.png,cat,cat,photo",
    )
    found = read_features(tmp_path / "x.parquet", labels)
    assert found.features == pytest.approx(X)
    assert found.labels == LABELS
    assert found.true_labels == ("dog", "", "cat", "dog")
    assert found.splits == ("sketch", "photo", "photo", "photo")
    candidates, classes = as_candidates(found)
    assert (classes, candidates.true.tolist()) == (("cat", "dog"), [1, -1, 0, 1])


def test_parquet_with_a_column_per_dimension(tmp_path):
    columns = {f"f{n}": X[:, n] for n in range(3)} | {"label": list(LABELS)}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    found = read_features(tmp_path / "x.parquet", None)
    assert np.array_equal(found.features, X)
    assert found.labels == LABELS


def test_what_cannot_be_used_is_named(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "short.npy", np.array([1, 2]))
    np.save(tmp_path / "y.npy", np.array([1, 2, 1, 2]))
    with pytest.raises(DataError, match=r"x\.npy has 4 rows, short\.npy 2"):
        read_features(tmp_path / "x.npy", tmp_path / "short.npy")
    with pytest.raises(DataError, match="has no labels"):
        read_features(tmp_path / "x.npy", None)
    with pytest.raises(DataError, match="has no features"):
        read_features(tmp_path / "y.npy", None)
    with pytest.raises(DataError, match="there is no file"):
        read_features(tmp_path / "none.npy", None)
    with pytest.raises(DataError, match=r"x\.pt is none of \.npy"):
        read_features(tmp_path / "x.pt", None)
    bad = X.copy()
    bad[2, 1] = np.nan
    np.savez(tmp_path / "bad.npz", features=bad, labels=np.arange(4))
    with pytest.raises(DataError, match="NaN or infinity, first in row 3"):
        read_features(tmp_path / "bad.npz", None)
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(DataError, match=r"torn\.npz cannot be read"):
        read_features(tmp_path / "torn.npz", None)


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy cannot be read"):
        read_features(tmp_path / "x.npy", None)


def test_names_must_fit(tmp_path):
    np.savez(tmp_path / "x.npz", features=X, names=np.array(list("abcd")))
    with pytest.raises(DataError, match=r"y\.csv has no row for 'c' and 1 other samples"):
        read_features(tmp_path / "x.npz", write_csv(tmp_path / "y.csv", "id,label", "a,1", "b,2"))
    with pytest.raises(DataError, match="names 'a' more than once"):
        read_features(tmp_path / "x.npz", write_csv(tmp_path / "z.csv", "id,label", "a,1", "a,2"))


def test_methods_that_need_images_are_refused_before_any_work(tmp_path):
    with pytest.raises(ConfigError, match="turn, unicon needs images; on features alone there are"):
        FilesRequest(
            features=tmp_path / "x.npy",
            labels=None,
            out=tmp_path,
            config=CompareConfig(methods=("ce", "turn", "unicon")),
        )


def test_a_comparison_on_files_goes_on_and_notices_changed_files(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = (rng.standard_normal((60, 4)) + 3 * labels[:, None]).astype(np.float32)
    np.savez(tmp_path / "x.npz", features=features, labels=labels)
    request = FilesRequest(
        features=tmp_path / "x.npz",
        labels=None,
        out=tmp_path / "out",
        config=CompareConfig(methods=("ce",), seeds=2, device="cpu"),
    )
    stages = []
    report = compare_files(request, on_event=lambda event: stages.append(event.stage))
    assert report["methods"][0]["last"]["mean"] > 0.9
    assert report["summary"]["class_names"] == ["0", "1"]
    assert set(report["files"]) <= {path.name for path in (tmp_path / "out").iterdir()}
    next((tmp_path / "out/work").glob("*/cell-ce-1.json")).unlink()
    stages.clear()
    again = compare_files(request, on_event=lambda event: stages.append(event.stage))
    assert set(stages) == {"CE, linear probe, seed 1"}
    assert again["methods"][0]["last"] == report["methods"][0]["last"]
    np.savez(tmp_path / "x.npz", features=features, labels=1 - labels)
    stages.clear()
    compare_files(request, on_event=lambda event: stages.append(event.stage))
    assert len(set(stages)) == 2
