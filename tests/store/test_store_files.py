import errno
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from turn_core.durable import atomic_write
from turn_core.errors import DataError, NotFoundError, ResourceError
from turn_core.store.arrays import array_names, load_array, save_arrays
from turn_core.store.files import Files

SHA = "ab" + "0" * 62


def test_every_file_has_its_place(tmp_path):
    files = Files(tmp_path)
    places = {
        files.blob(SHA): f"blobs/ab/{SHA}",
        files.thumb(SHA): f"thumbs/ab/{SHA}.webp",
        files.preview(SHA): f"previews/ab/{SHA}.webp",
        files.array("f-1", ".npy"): "arrays/f-1.npy",
        files.run(3): "runs/3",
        files.scores(3): "runs/3/scores.safetensors",
        files.upload("tok"): "uploads/tok.part",
        files.staging(4): "staging/4",
        files.export(5): "exports/5",
        files.logs: "logs",
        files.backups: "backups",
    }
    assert {path.relative_to(tmp_path).as_posix() for path in places} == set(places.values())


@pytest.mark.parametrize("name", ["../x", "", "a/b", "A" * 64, "ab" * 31, "%2e%2e", "x\n"])
def test_names_that_are_not_ours_make_no_path(tmp_path, name):
    files = Files(tmp_path)
    with pytest.raises(ValueError, match="not a sha256"):
        files.blob(name)
    if name not in ("A" * 64, "ab" * 31):
        with pytest.raises(ValueError, match="not a file key"):
            files.upload(name)
    with pytest.raises(ValueError, match="not a file suffix"):
        files.array("key", name)


def test_a_write_that_fails_keeps_the_old_file(tmp_path):
    path = tmp_path / "deep" / "file"
    atomic_write(path, b"old")

    def broken(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ResourceError, match="disk is full while writing file"):
        atomic_write(path, broken)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["file"]


def test_any_other_error_leaves_no_temporary_file(tmp_path):
    def broken(file):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        atomic_write(tmp_path / "file", broken)
    assert os.listdir(tmp_path) == []


def test_too_little_room_is_said(tmp_path):
    files = Files(tmp_path / "not" / "made")
    files.require_free(1, "The export")
    with pytest.raises(ResourceError, match=r"The export needs 1,000,000,000,000\.0 MB of disk"):
        files.require_free(10**18, "The export")


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?"])
def test_arrays_are_safetensors(tmp_path, kind):
    path = tmp_path / "a.safetensors"
    array = np.arange(6).reshape(2, 3).astype(kind)
    save_arrays(path, {"x": array, "empty": np.empty((0, 4), np.float32)})
    ours, theirs = load_array(path, "x"), load_file(path)["x"]
    assert ours.dtype == theirs.dtype == array.dtype
    assert np.array_equal(ours, array)
    assert np.array_equal(theirs, array)
    assert load_array(path, "empty").shape == (0, 4)
    save_file({"y": array}, path)
    assert np.array_equal(load_array(path, "y"), array)


def test_a_loaded_array_is_a_map_of_the_file_and_cannot_be_changed(tmp_path):
    path = tmp_path / "a.safetensors"
    save_arrays(path, {"x": np.zeros((3, 4), np.float32).T})
    found = load_array(path, "x")
    assert isinstance(found, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_what_cannot_be_loaded_is_named(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(NotFoundError, match=r"a\.safetensors is gone"):
        load_array(path, "x")
    save_arrays(path, {"x": np.ones(1000)})
    assert array_names(path) == ("x",)
    with pytest.raises(NotFoundError, match="has no array y; it has x"):
        load_array(path, "y")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(DataError, match="ends before array x does"):
        load_array(path, "x")
    path.write_bytes(whole.replace(b"[1000]", b"[1001]"))
    with pytest.raises(DataError, match="wrong size"):
        load_array(path, "x")
    for broken in (b"", b"\xff" * 100, whole[:20]):
        path.write_bytes(broken)
        with pytest.raises(DataError, match="header cannot be read"):
            load_array(path, "x")


def test_a_type_that_the_file_cannot_hold_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="complex128"):
        save_arrays(tmp_path / "a", {"x": np.ones(2, complex)})
    assert os.listdir(tmp_path) == []
