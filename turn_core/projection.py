"""Maps of features: PCA, t-SNE and UMAP in two dimensions, comparable with an earlier map.

N samples, D feature dimensions; a projection is (N, 2) fp32. t-SNE and UMAP work on exact nearest
neighbours by cosine, PCA on the features as they are. One map alone has no meaningful orientation,
and t-SNE started anew throws its islands anywhere: a later map starts from the first one and is
then moved onto it as a rigid picture, so that a point can be followed by eye.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from turn_core import map_layout
from turn_core.errors import ConfigError, DataError
from turn_core.map_layout import OnProgress
from turn_core.seeds import derive

Projection = NDArray[np.float32]
"""(N, 2) positions."""

Method = Literal["pca", "tsne", "umap"]

METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")
"""What can be drawn, the quickest first."""

MAX_POINTS = 100_000
"""A map holds at most this many; choose them with `sample_by_class` and say so."""

MIN_POINTS = 4
"""Fewer have no neighbourhood that t-SNE or UMAP could keep."""

NEAR = 0.2
"""In standard deviations of a map: a point this far from where it was counts half."""

ALIGN_ROUNDS = 20
"""How often `align` weighs the points anew."""


def project(
    features: NDArray[np.floating],
    method: Method,
    *,
    seed: int,
    start: NDArray[np.floating] | None = None,
    n_jobs: int = 1,
    on_progress: OnProgress = lambda done, total: None,
    check: Callable[[], None] = lambda: None,
) -> Projection:
    """Return a map (N, 2) of features (N, D), N from 1 to MAX_POINTS.

    t-SNE (van der Maaten & Hinton, 2008; FIt-SNE, 2019) and UMAP (McInnes et al., 2018) begin at
    the first two principal components, or at `start` (N, 2), an earlier map by the same method,
    in its size; PCA needs no start and ignores it. `check` is called every few iterations and may
    raise to stop; the first UMAP of a process compiles for about 20 s, in which nothing is asked.
    With `n_jobs` 1 the result is a function of features, start and seed; UMAP always runs on one
    thread.

    Raises:
        ConfigError: the method is unknown.
        DataError: features is not a finite (N, D), start does not fit, or there are too few or
            too many samples.
    """
    if method not in METHODS:
        raise ConfigError(f"projection must be one of {', '.join(METHODS)}, got {method!r}")
    _check_features(features, start, smallest=1 if method == "pca" else MIN_POINTS)
    if method == "pca":
        on_progress(0, 1)
        projection = _principal_components(features, check)
        on_progress(1, 1)
        return projection
    begin = _principal_components(features, check) if start is None else start
    steps = map_layout.Steps(on_progress, check)
    place = map_layout.Start(begin, is_earlier_map=start is not None, seed=seed)
    if method == "umap":
        return map_layout.umap(features, place, steps)
    return map_layout.tsne(features, place, steps, n_jobs=n_jobs)


def project_aligned(
    features: NDArray[np.floating],
    first_projection: NDArray[np.floating],
    method: Method,
    *,
    seed: int,
    n_jobs: int = 1,
    on_progress: OnProgress = lambda done, total: None,
    check: Callable[[], None] = lambda: None,
) -> Projection:
    """Return a map (N, 2) of the same samples' features later on, to lay beside the first map.

    It starts from `first_projection` (N, 2) and ends with `align` onto it. Raises as `project`.
    """
    later = project(
        features,
        method,
        seed=seed,
        start=first_projection,
        n_jobs=n_jobs,
        on_progress=on_progress,
        check=check,
    )
    return align(later, first_projection)


def align(projection: NDArray[np.floating], reference: NDArray[np.floating]) -> Projection:
    """Move `projection` (N, 2) as a rigid picture onto `reference` (N, 2), the same points.

    Rotation and reflection are those of orthogonal Procrustes (Schönemann, 1966); centre and size
    (root mean square distance from the centre) become those of the reference. The least-squares
    size is not taken: it shrinks a map to a dot where it has little in common with the first. The
    points are weighted anew, round after round, by how near they come to where they were (Cauchy
    weights; Holland & Welsch, 1977): those that have moved far do not pull the others along.

    Raises:
        DataError: the shapes differ or are not (N, 2).
    """
    if projection.shape != reference.shape or projection.ndim != 2 or projection.shape[1] != 2:
        raise DataError(
            f"projection has shape {projection.shape}, reference {reference.shape}; "
            "give two maps (N, 2) of the same points"
        )
    moving, fixed = projection.astype(np.float64), reference.astype(np.float64)
    near = NEAR * float(fixed.std()) or 1.0
    placed = _laid_on(moving, fixed, np.ones(len(fixed)))
    for _ in range(ALIGN_ROUNDS):
        apart = np.linalg.norm(placed - fixed, axis=1)
        placed = _laid_on(moving, fixed, 1 / (apart**2 + near**2))
    return np.asarray(placed, np.float32)


def sample_by_class(labels: NDArray[np.integer], limit: int, *, seed: int) -> NDArray[np.int64]:
    """Return the indices (M,), ascending, of at most `limit` samples for a map.

    Every class in labels (N,) gives the same number, a small class all it has, so that rare
    classes stay visible; a negative label (none given) counts as a class. M = min(N, limit).

    Raises:
        ConfigError: limit is below 1.
    """
    if limit < 1:
        raise ConfigError(f"the number of points of a map must be at least 1, got {limit}")
    if len(labels) <= limit:
        return np.arange(len(labels))
    classes, members = np.unique(labels, return_inverse=True)
    order = np.random.default_rng(derive(seed, "map sample")).permutation(len(labels))
    order = order[np.argsort(members[order], kind="stable")]  # by class, shuffled within
    sizes = np.bincount(members, minlength=len(classes))
    place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Round after round every class gives one more sample, until the limit is reached.
    taken = order[np.argsort(place, kind="stable")[:limit]]
    return np.sort(taken).astype(np.int64)


def _laid_on(
    moving: NDArray[np.float64], fixed: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return `moving` turned, shifted and resized to lie on `fixed`, the points so weighted."""
    share = weights / weights.sum()
    centre = share @ fixed
    there, here = fixed - centre, moving - share @ moving
    left, _, right = np.linalg.svd((here * share[:, None]).T @ there)
    size = float(np.sqrt(share @ (here**2).sum(axis=1)))
    scale = float(np.sqrt(share @ (there**2).sum(axis=1))) / size if size > 0 else 0.0
    return np.asarray(here @ (left @ right) * scale + centre)


def _check_features(
    features: NDArray[np.floating], start: NDArray[np.floating] | None, *, smallest: int
) -> None:
    if features.ndim != 2 or features.shape[1] < 1:
        raise DataError(f"features must be (N, D), got {features.shape}")
    if not smallest <= len(features) <= MAX_POINTS:
        raise DataError(
            f"this map takes from {smallest} to {MAX_POINTS:,} samples, got {len(features):,}; "
            "choose other samples, or PCA for very few"
        )
    if not np.isfinite(features).all():
        raise DataError("features hold NaN or infinity; extract them again in fp32")
    if start is not None and (start.shape != (len(features), 2) or not np.isfinite(start).all()):
        raise DataError(
            f"the map to start from has shape {start.shape} or is not finite; "
            f"give one of the same {len(features)} samples"
        )


def _principal_components(features: NDArray[np.floating], check: Callable[[], None]) -> Projection:
    """Return the first two, each with its largest weight positive; a missing one is zero."""
    centred = features - features.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((centred.shape[1],) * 2)
    for rows in np.array_split(centred, -(-len(centred) // 8192)):
        check()
        covariance += rows.T @ rows
    _, axes = np.linalg.eigh(covariance)
    check()
    axes = axes[:, :-3:-1]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    projection = np.zeros((len(centred), 2), np.float32)
    projection[:, : axes.shape[1]] = centred @ axes
    return projection
