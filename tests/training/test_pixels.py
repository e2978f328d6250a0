import hashlib
import io
import pickle
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from turn_core import array_file, pixels
from turn_core.config import IngestLimits
from turn_core.errors import JobError
from turn_core.pixels import Geometry, build_pixel_cache, to_geometry

LIMITS = IngestLimits()


def _write_images(folder, sizes, seed=0):
    """Random PNG files named by their hash; returns (paths, hashes, RGB arrays)."""
    rng = np.random.default_rng(seed)
    paths, hashes, arrays = [], [], []
    for width, height in sizes:
        small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        image = small.resize((width, height), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        hashes.append(hashlib.sha256(buffer.getvalue()).hexdigest())
        paths.append(folder / hashes[-1])
        paths[-1].write_bytes(buffer.getvalue())
        arrays.append(np.asarray(image))
    return paths, hashes, arrays


def _build(folder, paths, hashes, geometry, **options):
    return build_pixel_cache(folder, paths, hashes, geometry, limits=LIMITS, **options)


def test_photographs_are_resized_as_pillow_does_and_cropped(tmp_path):
    paths, hashes, arrays = _write_images(tmp_path, [(40, 30), (30, 50)])
    cache = _build(tmp_path / "a", paths, hashes, Geometry(16, shorter=20))
    assert cache.batch(np.array([0, 1])).shape == (2, 3, 16, 16)
    resized = Image.fromarray(arrays[0]).resize((27, 20), Image.Resampling.BICUBIC)
    expected = np.asarray(resized)[2:18, 5:21]
    assert np.array_equal(cache.batch(np.array([0]))[0].permute(1, 2, 0).numpy(), expected)


def test_cache_is_opened_anew_where_another_process_gets_it(tmp_path):
    paths, hashes, _ = _write_images(tmp_path, [(12, 12)] * 3)
    paths[1].write_bytes(b"rotten")
    cache = _build(tmp_path / "a", paths, hashes, Geometry(24))
    again = pickle.loads(pickle.dumps(cache))
    assert torch.equal(again.batch(np.arange(3)), cache.batch(np.arange(3)))
    assert (again.key, again.unreadable.tolist()) == (cache.key, [False, True, False])


def test_small_images_of_one_size_are_kept_as_they_are(tmp_path):
    paths, hashes, arrays = _write_images(tmp_path, [(12, 12)] * 3)
    cache = _build(tmp_path / "a", paths, hashes, Geometry(24))
    stored = np.load(next((tmp_path / "a").glob("*.npy")))
    assert stored.shape == (3, 3, 12, 12)
    for row, array in enumerate(arrays):
        expected = Image.fromarray(array).resize((24, 24), Image.Resampling.BICUBIC)
        got = cache.batch(np.array([row]))[0].permute(1, 2, 0).numpy().astype(int)
        assert np.abs(got - np.asarray(expected).astype(int)).max() <= 2


def test_bilinear_resize_per_batch_is_pillows_to_the_last_bit():
    array = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    got = to_geometry(torch.from_numpy(array).permute(2, 0, 1)[None], Geometry(20, 20, "bilinear"))
    resized = Image.fromarray(array).resize((20, 26), Image.Resampling.BILINEAR)
    difference = got[0].permute(1, 2, 0).numpy().astype(int) - np.asarray(resized)[3:23]
    assert np.abs(difference).max() <= 1


def test_second_build_decodes_nothing(tmp_path, monkeypatch):
    paths, hashes, _ = _write_images(tmp_path, [(8, 8)] * 2)
    _build(tmp_path / "a", paths, hashes, Geometry(8))
    monkeypatch.setattr(pixels.images, "decode", None)
    assert len(_build(tmp_path / "a", paths, hashes, Geometry(8))) == 2


def test_interrupted_build_goes_on_at_its_mark_with_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "CHUNK", 2)
    monkeypatch.setattr(pixels, "MARK_EVERY", 4)
    paths, hashes, _ = _write_images(tmp_path, [(8, 8)] * 9)
    paths[1].write_bytes(b"rotten")
    monkeypatch.setattr(pixels, "MAX_UNREADABLE", 0.5)

    def stop(done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path / "a", paths, hashes, Geometry(8), on_progress=stop)
    seen = []
    resumed = _build(
        tmp_path / "a", paths, hashes, Geometry(8), on_progress=lambda done, _: seen.append(done)
    )
    whole = _build(tmp_path / "b", paths, hashes, Geometry(8))
    assert seen == [4, 6, 8, 9]
    rows = np.arange(9)
    assert torch.equal(resumed.batch(rows), whole.batch(rows))
    assert np.flatnonzero(resumed.unreadable).tolist() == [1]
    assert sorted(p.suffix for p in (tmp_path / "a").iterdir()) == [".json", ".npy"]


def test_image_that_changed_after_import_is_marked_and_the_rest_goes_on(tmp_path):
    paths, hashes, _ = _write_images(tmp_path, [(8, 8), (9, 8), (8, 8)])
    paths[1].write_bytes(paths[0].read_bytes())  # a sound image, but not the one imported
    cache = _build(tmp_path / "a", paths, hashes, Geometry(8))
    assert cache.unreadable.tolist() == [False, True, False]
    assert int(cache.batch(np.array([1])).sum()) == 0


def test_more_than_a_hundredth_unreadable_fails_in_one_sentence(tmp_path):
    paths, hashes, _ = _write_images(tmp_path, [(8, 8)] * 5)
    paths[1].unlink()
    paths[3].write_bytes(b"")
    with pytest.raises(JobError, match=r"2 of 5 stored images can no longer be read.*backup"):
        _build(tmp_path / "a", paths, hashes, Geometry(8))


def test_other_geometry_or_order_is_another_cache(tmp_path):
    keys = {
        pixels.cache_key(["a", "b"], Geometry(8)),
        pixels.cache_key(["b", "a"], Geometry(8)),
        pixels.cache_key(["a", "b"], Geometry(9)),
        pixels.cache_key(["a", "b"], Geometry(8, 10)),
    }
    assert len(keys) == 4


def test_cut_off_cache_is_an_error_not_a_crash(tmp_path):
    paths, hashes, _ = _write_images(tmp_path, [(8, 8)] * 2)
    cache = _build(tmp_path / "a", paths, hashes, Geometry(8))
    file = next((tmp_path / "a").glob("*.npy"))
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(JobError, match="cut off at image 1"):
        cache.batch(np.array([0, 1]))


def test_array_file_of_another_shape_starts_anew(tmp_path):
    with array_file.ArrayWriter(tmp_path / "x.npy", (4, 2), np.float32, what="x") as writer:
        writer.append(np.ones((2, 2), np.float32))
        writer.mark({"n": 1})
    with array_file.ArrayWriter(tmp_path / "x.npy", (4, 2), np.float32, what="x") as writer:
        assert (writer.done, writer.notes) == (2, {"n": 1})
    with array_file.ArrayWriter(tmp_path / "x.npy", (4, 3), np.float32, what="x") as writer:
        assert writer.done == 0


def test_two_builders_of_one_array_file_take_turns(tmp_path):
    path, waited = tmp_path / "x.npy", []

    def build():
        with (
            array_file.only_builder(path, lambda: waited.append(1)) as missing,
            array_file.ArrayWriter(path, (2, 1), np.int64, what="x") as writer,
        ):
            assert missing
            started.set()
            writer.append(np.array([[1]]))
            go_on.wait(10)
            writer.append(np.array([[2]]))
            writer.finish({})

    started, go_on = threading.Event(), threading.Event()
    first = threading.Thread(target=build)
    first.start()
    started.wait(10)
    with array_file.only_builder(path, lambda: (waited.append(2), go_on.set())) as missing:
        assert not missing
    first.join()
    assert waited[0] == 2
    assert np.load(path).tolist() == [[1], [2]]


def test_waiting_for_another_builder_can_be_stopped(tmp_path):
    def stop():
        raise InterruptedError

    with array_file.only_builder(tmp_path / "x.npy", stop) as missing:
        assert missing
        with (
            pytest.raises(InterruptedError),
            array_file.only_builder(tmp_path / "x.npy", stop),
        ):
            pass
