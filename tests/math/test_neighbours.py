import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from turn_core import neighbours
from turn_core.errors import DataError
from turn_core.neighbours import nearest_neighbours


def features(num=300, dim=16, seed=0):
    return np.random.default_rng(seed).standard_normal((num, dim)).astype(np.float32)


@pytest.mark.parametrize("reduced", [False, True])
def test_neighbours__are_those_of_scikit_learn(reduced):
    data = features()
    indices, cosines = nearest_neighbours(data, 5, reduced=reduced)
    reference = NearestNeighbors(n_neighbors=6, metric="cosine").fit(data)
    distances, expected = reference.kneighbors(data)
    np.testing.assert_array_equal(indices, expected[:, 1:])  # the first is the sample itself
    np.testing.assert_allclose(cosines, 1 - distances[:, 1:], atol=1e-5)


def test_neighbours__by_hand():
    data = np.array([[1, 0], [0, 2], [3, 3], [-1, 0]], np.float32)
    indices, cosines = nearest_neighbours(data, 2)
    assert indices[0].tolist() == [2, 1]
    assert cosines[0].tolist() == pytest.approx([np.sqrt(0.5), 0])
    assert indices[2].tolist() == [0, 1]  # equally near: by index


def test_reduced__falls_back_row_by_row_where_bfloat16_cannot_tell():
    # All cosines lie within the rounding of bfloat16: no row can stand on its candidates alone.
    data = 1 + 1e-3 * features(num=400, dim=8)
    exact, _ = nearest_neighbours(data, 5, reduced=False)
    reduced, _ = nearest_neighbours(data, 5, reduced=True)
    np.testing.assert_array_equal(exact, reduced)


def test_blocks__change_nothing(monkeypatch):
    data = features()
    whole = nearest_neighbours(data, 4, reduced=False)
    monkeypatch.setattr(neighbours, "BLOCK_ELEMENTS", 300 * 7)
    blocks = nearest_neighbours(data, 4, reduced=False)
    np.testing.assert_array_equal(whole[0], blocks[0])


def test_speed_is_measured_where_there_are_many(monkeypatch):
    monkeypatch.setattr(neighbours, "MIN_REDUCED", 100)
    for faster in (True, False):
        monkeypatch.setattr(neighbours, "_bfloat16_is_faster", lambda unit, faster=faster: faster)
        indices, _ = nearest_neighbours(features(), 4)
        np.testing.assert_array_equal(indices, nearest_neighbours(features(), 4, reduced=False)[0])
    assert isinstance(neighbours._seconds(lambda: torch.ones(1, 1)), float)


def test_zero_row__is_near_to_nothing_and_breaks_nothing():
    data = features(num=10)
    data[4] = 0
    _, cosines = nearest_neighbours(data, 3)
    assert cosines[4].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("num", "width"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_few_samples__have_as_many_neighbours_as_there_are_others(num, width):
    indices, cosines = nearest_neighbours(features(num=num), 5)
    assert indices.shape == cosines.shape == (num, width)


def test_tensor_and_read_only_array__give_the_same(tmp_path):
    np.save(tmp_path / "f.npy", features())
    mapped = np.load(tmp_path / "f.npy", mmap_mode="r")
    from_map, _ = nearest_neighbours(mapped, 3)
    from_tensor, _ = nearest_neighbours(torch.from_numpy(features()), 3)
    np.testing.assert_array_equal(from_map, from_tensor)


def test_neighbours__refuse_what_does_not_fit():
    with pytest.raises(DataError, match="must be \\(N, D\\) and k at least 1"):
        nearest_neighbours(features(), 0)


def test_neighbours__can_be_stopped_between_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK_ELEMENTS", 100 * 300)
    asked = []
    nearest_neighbours(features(), 5, check=lambda: asked.append(1))
    assert len(asked) == 3
