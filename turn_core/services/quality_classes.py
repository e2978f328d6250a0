"""What a run stored about its classes and labels: mixtures, losses, the second opinion.

K classes of the model, N samples, B bins of a histogram, P points of a curve.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import NotFoundError
from turn_core.services import overviews, quality_rows
from turn_core.services.workspace import Workspace
from turn_core.store import arrays
from turn_core.store import projects as project_queries
from turn_core.store import quality as queries
from turn_core.store import runs as run_queries

FALLBACKS = ("none", "pooled", "one_cluster", "no_signal", "ranking_only", "unscored")
"""Those of `cleansing`, by their number in the array file; importing them would load scipy."""
BINS, POINTS = 40, 161

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassFit:
    """How the losses of a class were judged; `class_id` is None for all classes together."""

    class_id: int | None
    name: str
    num_samples: int
    """Losses that the fit saw: those of trusted and excluded samples stay out."""
    separation: float | None
    """Ashman's D of the two groups; None without a mixture."""
    high_share: float | None
    """Share of the upper group."""
    high_loss: float | None
    """Mean loss of the upper group."""
    fallback: str


@dataclass(frozen=True, slots=True, eq=False)
class LossHistogram:
    """Losses of a class with its fitted mixture, in samples per bin."""

    edges: Floats
    """(B + 1,)."""
    counts: NDArray[np.int64]
    """(B,)."""
    x: Floats
    """(P,) losses at which the curves stand; empty without a mixture."""
    low: Floats
    """(P,) expected samples per bin of the lower group."""
    high: Floats
    """(P,) of the upper group."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Labels on which the two methods say this; `num_errors` of the decided were relabeled."""

    num_samples: int
    num_decided: int
    num_errors: int


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """TURN's label issues beside those of confident learning."""

    both: Verdict
    only_turn: Verdict
    only_other: Verdict
    neither: Verdict
    jaccard: float | None
    """Both over either; None where neither flags any."""
    open_only_other: tuple[int, ...]
    """Open samples that only confident learning flags, the least probable label first."""


def class_fits(workspace: Workspace, project_id: int, run_id: int) -> list[ClassFit]:
    """Return how each class was judged, all together last; empty where the run stored no fits.

    Raises:
        NotFoundError: the project has no such run, or its array file is gone.
    """
    path, classes = _opened(workspace, project_id, run_id)
    if "mixture_weights" not in arrays.array_names(path):
        return []
    weights, means, bounds, separation, counts, fallback, model = (
        np.asarray(arrays.load_array(path, name))
        for name in (
            *("mixture_weights", "mixture_means", "mixture_bounds", "mixture_separation"),
            *("mixture_count", "class_fallback", "model_class"),
        )
    )
    high = bounds[:, 0] + means[:, 1] * (bounds[:, 1] - bounds[:, 0])
    fitted = np.isfinite(means[:, 0])
    places = [*(classes[index] for index in model.tolist()), (None, "All classes")]
    names = [*(FALLBACKS[code] for code in fallback.tolist()), ""]
    return [
        ClassFit(
            class_id,
            name,
            int(counts[k]),
            float(separation[k]) if fitted[k] else None,
            float(weights[k, 1]) if fitted[k] else None,
            float(high[k]) if fitted[k] else None,
            names[k],
        )
        for k, (class_id, name) in enumerate(places)
    ]


def loss_histogram(
    workspace: Workspace, project_id: int, run_id: int, class_id: int | None = None
) -> LossHistogram:
    """Return the losses of a class, or of all, with the mixture that was fitted to them.

    Raises:
        NotFoundError: there is no such run or class in it, or its array file is gone.
    """
    path, classes = _opened(workspace, project_id, run_id)
    model = np.asarray(arrays.load_array(path, "model_class"))
    loss = np.asarray(arrays.load_array(path, "final_loss"), np.float64)
    place = len(model)
    if class_id is not None:
        found = [k for k, index in enumerate(model.tolist()) if classes[index][0] == class_id]
        if not found:
            raise NotFoundError(f"run {run_id} knows no class {class_id}: choose one of its list")
        place = found[0]
        loss = loss[np.asarray(arrays.load_array(path, "label")) == model[place]]
    low, high = np.asarray(arrays.load_array(path, "mixture_bounds"))[place]
    loss = loss[np.isfinite(loss)]
    if not high > low:
        high = float(loss.max(initial=0.0)) + 1e-9
    counts, edges = np.histogram(np.clip(loss, low, high), BINS, (low, high))
    parameters = [
        np.asarray(arrays.load_array(path, f"mixture_{name}"))[place]
        for name in ("weights", "means", "variances")
    ]
    return LossHistogram(edges, counts, *_curves(parameters, low, high, len(loss)))


def second_opinion(workspace: Workspace, project_id: int, run_id: int) -> SecondOpinion | None:
    """Return where confident learning agrees with TURN; None where the run stored none.

    Raises:
        NotFoundError: the project has no such run, or its array file is gone.
    """
    path, classes = _opened(workspace, project_id, run_id)
    if "opinion_flag" not in arrays.array_names(path):
        return None
    with workspace.reading() as session:
        tau = overviews.threshold(run_queries.get_run(session, project_id, run_id))
        scored = queries.scored(session, run_id)
        events = queries.decisions(session, project_id)
    rows = quality_rows.gather(scored, events, run_id, [class_id for class_id, _ in classes], [])
    other = np.asarray(arrays.load_array(path, "opinion_flag"))[rows.array_rows]
    sure = np.asarray(arrays.load_array(path, "opinion_confidence"))[rows.array_rows]
    ours = rows.clean <= tau
    kept = rows.in_pool & (rows.open | rows.decided)

    def verdict(mask: NDArray[np.bool_]) -> Verdict:
        decided = kept & mask & rows.decided
        wrong = int(rows.relabeled[decided].sum())
        return Verdict(int((kept & mask).sum()), int(decided.sum()), wrong)

    either = int((kept & (ours | other)).sum())
    wanted = np.flatnonzero(kept & rows.open & other & ~ours)
    wanted = wanted[np.argsort(sure[wanted], kind="stable")]
    return SecondOpinion(
        verdict(ours & other),
        verdict(ours & ~other),
        verdict(~ours & other),
        verdict(~ours & ~other),
        int((kept & ours & other).sum()) / either if either else None,
        tuple(rows.sample_ids[wanted].tolist()),
    )


def _opened(
    workspace: Workspace, project_id: int, run_id: int
) -> tuple[Path, list[tuple[int, str]]]:
    """Return the run's array file, and (id, name) of the project's classes by their index."""
    with workspace.reading() as session:
        run_queries.get_run(session, project_id, run_id)
        classes = project_queries.class_list(session, project_id)
    path = workspace.files.scores(run_id)
    arrays.array_names(path)  # says it where the file is gone
    return path, [(class_id, name) for class_id, _, name in classes]


def _curves(parameters: list[Any], low: float, high: float, size: int) -> tuple[Floats, ...]:
    weights, means, variances = parameters
    if not np.isfinite(means).all():
        return np.empty(0), np.empty(0), np.empty(0)
    scaled = np.linspace(0, 1, POINTS)
    density = np.exp(-((scaled[:, None] - means) ** 2) / (2 * variances))
    density *= weights / np.sqrt(2 * np.pi * variances)
    per_bin = density * size / BINS
    return low + scaled * (high - low), per_bin[:, 0], per_bin[:, 1]
