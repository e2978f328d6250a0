"""Where t-SNE and UMAP put the points of a map. N points, D feature dimensions, k neighbours.

Both attract each point to its exact nearest neighbours by cosine; the distance is the chord
between the features scaled to length 1. `projection` is the way in: it checks what comes here.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core.distortion import trustworthiness
from turn_core.neighbours import nearest_neighbours
from turn_core.seeds import derive

OnProgress = Callable[[int, int], None]
"""Called with the steps done and all steps, from (0, all) to (all, all)."""

PERPLEXITY = 30
"""Effective number of t-SNE neighbours; at most a third of the others."""

Phases = tuple[tuple[int, float, float], ...]

PHASES: Phases = ((125, 12.0, 0.5), (250, 1.0, 0.8))
"""t-SNE: iterations, exaggeration of the attraction, momentum. Half the usual iterations: more do
not make the map more trustworthy."""

SMALL = 1_000
"""Up to this many points a later t-SNE map is also made by the last phase alone: exaggerated, so
few points leave their places for good, whether their features have changed or not."""

STEADY = 0.01
"""The steadier of the two is taken where its trustworthiness is at most this much lower; where most
features have changed it would show where the points were, and not where they belong."""

FEW = 5_000
"""Up to this many points t-SNE's repulsion is quicker by a tree than on a grid, and there is time
for a first map to go through the phases twice: a later one, which goes through them once from
there, then moves half as far where the features are the same."""

FIRST_SPREAD = 1e-4
"""Standard deviation of the positions a first t-SNE begins at: it may take any shape from there.
A later map that began as small would forget where the points were (docs/maps.md has figures)."""

UMAP_NEIGHBOURS = 15
"""The point itself is one of them, as umap-learn counts."""

UMAP_MIN_DISTANCE = 0.1
"""Points of a map may lie this close."""

UMAP_FIRST_SPREAD = 3.0
"""Standard deviation of the positions a first UMAP begins at: about that of the finished map."""

UMAP_LATER_RATE = 0.25
"""Learning rate of a later map; islands without an edge between them drift less. First maps: 1."""

UMAP_EPOCHS = ((10_000, 500), (2**63, 200))
"""Up to so many points, so many passes over the edges."""

EVERY = 10
"""Iterations between two calls of `check`."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where the points are at first: at the places of an earlier map, or of any other (N, 2)."""

    places: NDArray[np.floating]
    is_earlier_map: bool
    seed: int

    def positions(self, spread: float) -> NDArray[np.float64]:
        """Return centred positions (N, 2), equal ones parted.

        An earlier map keeps its standard deviation; others, and a map of one place, get `spread`.
        """
        centred = self.places - self.places.mean(axis=0, dtype=np.float64)
        size = float(centred.std())
        shape = centred / size if size > 0 else np.zeros_like(centred)
        noise = np.random.default_rng(derive(self.seed, "map start")).normal(size=shape.shape)
        scale = size if self.is_earlier_map and size > 0 else spread
        return np.asarray(scale * (shape + 0.01 * noise))


class Steps:
    """Counts iterations, asks every few whether to go on, and says how far it is."""

    def __init__(self, on_progress: OnProgress, check: Callable[[], None]) -> None:
        self.on_progress, self.check = on_progress, check
        self.done = self.total = 0

    def begin(self, total: int) -> None:
        """Say that nothing of `total` is done."""
        self.total = total
        self.check()
        self.on_progress(0, total)

    def advance(self, count: int) -> None:
        """Count further iterations."""
        before, self.done = self.done, self.done + count
        if before // EVERY != self.done // EVERY:
            self.check()
            self.on_progress(min(self.done, self.total - 1), self.total)

    def finish(self) -> None:
        """Say that all is done."""
        self.on_progress(self.total, self.total)


def tsne(
    features: NDArray[np.floating], start: Start, steps: Steps, *, n_jobs: int
) -> NDArray[np.float32]:
    """Return t-SNE positions (N, 2): openTSNE, by a tree for few points, by FFT for many."""
    from openTSNE import affinity, nearest_neighbors

    plans = _plans(len(features), is_later=start.is_earlier_map)
    steps.begin(sum(iterations for plan in plans for iterations, _, _ in plan))
    indices, distances = _neighbours(features, 3 * PERPLEXITY, steps.check)
    near = affinity.PerplexityBasedNN(
        knn_index=nearest_neighbors.PrecomputedNeighbors(indices, distances),
        perplexity=min(PERPLEXITY, indices.shape[1] / 3),
        n_jobs=n_jobs,
    )
    maps = [_descend(near, start, steps, plan, n_jobs=n_jobs) for plan in plans]
    if len(maps) > 1:
        whole, steady = (trustworthiness(features, made, check=steps.check) for made in maps)
        maps = maps[1:] if steady >= whole - STEADY else maps
    steps.finish()
    return maps[0]


def _plans(num: int, *, is_later: bool) -> tuple[Phases, ...]:
    """Return what each map that is made goes through; of two the first is the usual one."""
    if is_later:
        return (PHASES, PHASES[1:]) if num <= SMALL else (PHASES,)
    return (PHASES * 2,) if num <= FEW else (PHASES,)


def _descend(
    near: Any, start: Start, steps: Steps, phases: Phases, *, n_jobs: int
) -> NDArray[np.float32]:
    from openTSNE import TSNEEmbedding

    steps.check()
    places = start.positions(FIRST_SPREAD)
    positions = TSNEEmbedding(
        places,
        near,
        negative_gradient_method="bh" if len(places) <= FEW else "fft",
        n_jobs=n_jobs,
        callbacks=[lambda iteration, error, positions: steps.advance(EVERY)],
        callbacks_every_iters=EVERY,
    )
    for iterations, exaggeration, momentum in phases:
        positions.optimize(iterations, exaggeration=exaggeration, momentum=momentum, inplace=True)
    return np.ascontiguousarray(positions, dtype=np.float32)


def umap(features: NDArray[np.floating], start: Start, steps: Steps) -> NDArray[np.float32]:
    """Return UMAP positions (N, 2): umap-learn's steps, one epoch at a time."""
    num_epochs = next(epochs for limit, epochs in UMAP_EPOCHS if len(features) <= limit)
    steps.begin(num_epochs)
    indices, distances = _neighbours(features, UMAP_NEIGHBOURS - 1, steps.check)
    _, umap_learn = _umap_modules()
    steps.check()
    own = np.arange(len(features))[:, None]
    graph, _, _ = umap_learn.fuzzy_simplicial_set(
        features,
        indices.shape[1] + 1,
        None,
        "euclidean",
        knn_indices=np.hstack([own, indices]),
        knn_dists=np.hstack([np.zeros_like(own, np.float32), distances]),
    )
    graph = graph.tocoo()
    graph.data[graph.data < graph.data.max() / num_epochs] = 0
    graph.eliminate_zeros()
    return _attract(graph, start, steps)


def _attract(graph: Any, start: Start, steps: Steps) -> NDArray[np.float32]:
    """Run UMAP's stochastic gradient descent; umap-learn's own loop could not be stopped."""
    layouts, umap_learn = _umap_modules()
    one_epoch = layouts._get_optimize_layout_euclidean_single_epoch_fn(False)
    a, b = umap_learn.find_ab_params(1.0, UMAP_MIN_DISTANCE)
    period = umap_learn.make_epochs_per_sample(graph.data, steps.total)
    period_negative = period / 5.0  # five repelled points for each attracted one
    due, due_negative = period.copy(), period_negative.copy()
    positions = start.positions(UMAP_FIRST_SPREAD).astype(np.float32)
    rate = UMAP_LATER_RATE if start.is_earlier_map else 1.0
    random = np.random.default_rng(derive(start.seed, "umap"))
    states = random.integers(-(2**31), 2**31, (len(positions), 3))
    unused = np.zeros(1, np.float32)  # of the density-preserving variant
    for epoch in range(steps.total):
        one_epoch(
            *(positions, positions, graph.row, graph.col, len(positions), period, a, b, states),
            *(1.0, 2, True, rate * (1 - epoch / steps.total)),  # gamma, dim, both ends move
            *(period_negative, due_negative, due, epoch),
            *(False, unused, unused, 0.0, 0.0, 0.0, 0.0, unused, unused, 0.0),
        )
        steps.advance(1)
    steps.finish()
    return positions


def _umap_modules() -> tuple[Any, Any]:
    """Import umap-learn, which compiles for about 20 s the first time in a process."""
    with warnings.catch_warnings():
        # It warns that TensorFlow, which a part of it that is not used here needs, is absent.
        warnings.simplefilter("ignore", ImportWarning)
        from umap import layouts, umap_
    return layouts, umap_


def _neighbours(
    features: NDArray[np.floating], count: int, check: Callable[[], None]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return indices and chord distances (N, k), nearest first, k = min(count, N - 1)."""
    indices, cosines = nearest_neighbours(features, count, check=check)
    return indices, np.sqrt(np.maximum(2 - 2 * cosines, 0))
