"""Maps: what is deterministic, what is preserved, and what a later map keeps of the first."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from turn_core import projection
from turn_core.errors import ConfigError, DataError, JobCancelled
from turn_core.projection import align, project, project_aligned, sample_by_class

NEIGHBOUR_METHODS = ("tsne", "umap")


def islands(num=120, classes=3, dim=8, seed=0):
    """Features (N, D) of classes that lie far apart, and their labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % classes
    centres = 6 * rng.standard_normal((classes, dim))
    features = centres[labels] + rng.standard_normal((num, dim))
    return features.astype(np.float32), labels


def turned(points, degrees, *, mirror=False):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return points @ turn * ([1, -1] if mirror else [1, 1])


def test_pca__is_that_of_scikit_learn():
    features, _ = islands()
    expected = PCA(2, svd_solver="full").fit_transform(features.astype(np.float64))
    found = project(features, "pca", seed=0)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-3)
    assert found.dtype == np.float32


def test_pca__by_hand():
    line = np.array([[-3, 0, 1], [0, 0, 1], [3, 0, 1]], np.float32)
    np.testing.assert_allclose(project(line, "pca", seed=0), [[-3, 0], [0, 0], [3, 0]], atol=1e-6)


def test_pca__of_one_sample_or_one_dimension_lies_on_a_line():
    assert project(np.ones((1, 5)), "pca", seed=0).tolist() == [[0, 0]]
    assert project(np.array([[1.0], [3.0]]), "pca", seed=0).tolist() == [[-1, 0], [1, 0]]


@pytest.mark.parametrize("method", NEIGHBOUR_METHODS)
def test_map__keeps_neighbours_and_parts_islands(method):
    features, labels = islands()
    found = project(features, method, seed=0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert trustworthiness(unit, found, n_neighbors=10) > 0.9
    distances = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.98


@pytest.mark.parametrize("method", NEIGHBOUR_METHODS)
def test_map__is_a_function_of_the_seed(method):
    features, _ = islands()
    first, again, other = (project(features, method, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("method", projection.METHODS)
@pytest.mark.parametrize(
    "features",
    [
        np.ones((40, 5), np.float32),
        np.zeros((40, 5), np.float32),
        np.repeat(np.eye(4, dtype=np.float32), 10, axis=0),
        np.linspace(-1, 1, 40, dtype=np.float32)[:, None],
        np.eye(4, dtype=np.float32),
        np.array(islands(5)[0], np.float64),
        islands(31)[0].astype(np.float16),
    ],
    ids=["equal", "zero", "duplicates", "one dimension", "four", "float64", "float16"],
)
def test_map__of_odd_features_is_finite(method, features):
    found = project(features, method, seed=0)
    assert found.shape == (len(features), 2)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("method", projection.METHODS)
def test_progress__goes_from_nothing_to_all(method):
    seen: list[tuple[int, int]] = []
    project(islands()[0], method, seed=0, on_progress=lambda *step: seen.append(step))
    done = [step[0] for step in seen]
    total = seen[0][1]
    assert done[0] == 0
    assert done[-1] == total
    assert done == sorted(done)
    assert {step[1] for step in seen} == {total}


@pytest.mark.parametrize("method", projection.METHODS)
@pytest.mark.parametrize("calls", [1, 2, 3, 9])
def test_check__stops_a_map_wherever_it_is(method, calls):
    asked = 0

    def check():
        nonlocal asked
        asked += 1
        if asked == calls:
            raise JobCancelled("stopped")

    if method == "pca" and calls > 2:
        pytest.skip("PCA is done before")
    with pytest.raises(JobCancelled):
        project(islands()[0], method, seed=0, check=check)
    assert asked == calls


def test_aligned__tsne_points_that_stay_are_found_again_unlike_on_a_map_of_its_own():
    features, labels = islands(300, 10, dim=10)
    changed = labels < 4
    later = features.copy()
    later[changed] = 3 * islands(300, 10, dim=10, seed=4)[0][changed]  # four classes go far away
    first = 20 + turned(project(features, "tsne", seed=0), 50, mirror=True)  # however it lies
    alone = align(project(later, "tsne", seed=1), first)
    aligned = project_aligned(later, first, "tsne", seed=1)

    def move(other):
        return np.median(np.linalg.norm(other - first, axis=1)[~changed]) / first.std()

    assert move(alone) > 0.8  # the islands were thrown elsewhere
    assert move(aligned) < 0.2
    unit = later / np.linalg.norm(later, axis=1, keepdims=True)
    trust = [trustworthiness(unit, found, n_neighbors=15) for found in (alone, aligned)]
    assert trust[1] > trust[0] - 0.01


def test_aligned__shows_the_new_neighbours_where_all_features_changed():
    features = np.random.default_rng(3).normal(size=(300, 5)).astype(np.float32)
    later = features[np.random.default_rng(0).permutation(300)]
    first = project(features, "tsne", seed=0)
    maps = project(later, "tsne", seed=1), project_aligned(later, first, "tsne", seed=1)
    unit = later / np.linalg.norm(later, axis=1, keepdims=True)
    alone, aligned = (trustworthiness(unit, found, n_neighbors=15) for found in maps)
    assert aligned > alone - 0.02  # the last phase alone: 0.04 less


def test_aligned__points_of_islands_that_stay_move_less_than_on_a_map_of_its_own():
    features, labels = islands(300, 5)
    later = features.copy()
    changed = labels == 0
    later[changed] = features[changed][::-1] + 3
    first = project(features, "umap", seed=0)
    alone = project(later, "umap", seed=1, start=np.random.default_rng(0).normal(size=(300, 2)))
    aligned = project_aligned(later, first, "umap", seed=1)

    def move(other):
        return np.median(np.linalg.norm(other - first, axis=1)[~changed]) / first.std()

    assert move(aligned) < 0.4
    assert move(aligned) < 0.5 * move(align(alone, first))


def test_aligned__pca_undoes_a_rotation_of_the_features():
    features, _ = islands(dim=2, classes=4)
    first = project(features, "pca", seed=0)
    later = project_aligned(turned(features, 70, mirror=True), first, "pca", seed=0)
    np.testing.assert_allclose(later, first, atol=1e-4)


@pytest.mark.parametrize("mirror", [False, True])
def test_align__undoes_rotation_reflection_size_and_shift(mirror):
    reference = np.random.default_rng(0).normal([5, -3], size=(50, 2))
    moved = 7 * turned(reference, 130, mirror=mirror) - 20
    np.testing.assert_allclose(align(moved, reference), reference, atol=1e-5)


def test_align__points_that_moved_far_do_not_pull_along_those_that_stayed():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(60, 2))
    moved = reference.copy()
    moved[:20] += [6, 2]
    found = align(7 * turned(moved, 130) - 20, reference)
    apart = np.linalg.norm(found - reference, axis=1)
    assert apart[20:].max() < 0.05 * reference.std()  # least squares: 1.2 in the median
    np.testing.assert_allclose(apart[:20], np.hypot(6, 2), rtol=0.05)


def test_align__keeps_the_size_where_the_maps_have_nothing_in_common():
    rng = np.random.default_rng(0)
    reference, other = rng.normal(size=(500, 2)), 30 * rng.normal(size=(500, 2))
    found = align(other, reference)
    assert found.std() == pytest.approx(reference.std(), rel=0.1)


def test_align__a_map_of_one_place_goes_to_the_centre():
    reference = np.array([[0.0, 0.0], [2.0, 4.0]])
    assert align(np.ones((2, 2)), reference).tolist() == [[1, 2], [1, 2]]


def test_align__refuses_maps_of_different_points():
    with pytest.raises(DataError, match="same points"):
        align(np.zeros((3, 2)), np.zeros((4, 2)))


def test_sample_by_class__gives_each_class_the_same_and_a_small_one_all():
    labels = np.repeat([0, 1, 2, -1], [1000, 3, 500, 20])
    chosen = sample_by_class(labels, 100, seed=0)
    assert len(chosen) == 100
    assert np.array_equal(chosen, np.unique(chosen))
    counts = {int(c): int((labels[chosen] == c).sum()) for c in (-1, 0, 1, 2)}
    assert counts[1] == 3
    assert counts[-1] == 20
    assert abs(counts[0] - counts[2]) <= 1


def test_sample_by_class__is_a_function_of_the_seed_and_takes_all_below_the_limit():
    labels = np.arange(100) % 7
    first, again, other = (sample_by_class(labels, 30, seed=s) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sample_by_class(labels, 100, seed=0).tolist() == list(range(100))
    assert sample_by_class(labels[:0], 5, seed=0).tolist() == []
    with pytest.raises(ConfigError, match="at least 1"):
        sample_by_class(labels, 0, seed=0)


@pytest.mark.parametrize(
    ("features", "method", "sentence"),
    [
        (np.ones((3, 4)), "tsne", "4 to 100,000 samples, got 3"),
        (np.ones((0, 4)), "pca", "1 to 100,000 samples, got 0"),
        (np.broadcast_to(np.float32(1), (100_001, 2)), "umap", "got 100,001"),
        (np.ones(4), "pca", r"must be \(N, D\)"),
        (np.ones((4, 0)), "pca", r"must be \(N, D\)"),
        (np.full((9, 2), np.nan), "tsne", "NaN or infinity"),
    ],
)
def test_project__refuses_what_has_no_map(features, method, sentence):
    with pytest.raises(DataError, match=sentence):
        project(features, method, seed=0)


def test_project__refuses_an_unknown_method_and_a_start_of_other_samples():
    with pytest.raises(ConfigError, match="must be one of pca, tsne, umap"):
        project(np.ones((9, 2)), "isomap", seed=0)
    with pytest.raises(DataError, match="same 9 samples"):
        project(islands(9)[0], "tsne", seed=0, start=np.ones((8, 2)))
