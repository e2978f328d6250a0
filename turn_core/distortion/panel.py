"""All measures of one panel at once, with the neighbours searched once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from turn_core.distortion import classes as class_measures
from turn_core.distortion import neighbourhoods, spectrum
from turn_core.distortion.checks import Features, Labels, check_pair, large_classes, with_labels
from turn_core.distortion.neighbourhoods import NUM_NEIGHBOURS
from turn_core.neighbours import nearest_neighbours
from turn_core.types.distortion import METRICS


def panel_metrics(
    before: Features,
    after: Features,
    labels: Labels,
    projection: NDArray[np.floating] | None,
    *,
    seed: int,
    k: int = NUM_NEIGHBOURS,
    check: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Return every measure of the features `after` by its key in METRICS, in that order.

    The measures that need labels are absent where fewer than two classes have labels (for
    `separability`: two classes of five samples), `trustworthiness` where there is no map (N, 2).
    `check` is called between measures and may raise to stop.

    Raises:
        DataError: shapes disagree, a number is not finite, or there are fewer than 3 samples.
    """
    check_pair(before, after)
    near_before = nearest_neighbours(before, k)[0]
    check()
    near = nearest_neighbours(after, k)[0]
    found = {
        "cka": spectrum.linear_cka(before, after),
        "neighbours_kept": neighbourhoods.kept_share(near_before, near),
    }
    check()
    found |= _class_metrics(after, labels, near, seed=seed, check=check)
    check()
    shares = spectrum.singular_shares(after, "dimension")
    found["sve"], found["lsvr"] = spectrum.spectrum_entropy(shares), spectrum.largest_ratio(shares)
    if projection is not None:
        found["trustworthiness"] = neighbourhoods.trustworthiness(after, projection, k, check=check)
    return {name: found[name] for name in METRICS if name in found}


def _class_metrics(
    features: Features,
    labels: Labels,
    near: NDArray[np.int64],
    *,
    seed: int,
    check: Callable[[], None],
) -> dict[str, float]:
    """Return the measures that need labels; `near` (N, k) are the neighbours of all samples."""
    known, classes = with_labels(features, labels)
    if len(np.unique(classes)) < 2:
        return {}
    if len(known) < len(features):
        near = nearest_neighbours(known, near.shape[1])[0]
    found = {
        "purity": float(neighbourhoods.same_class_share(near, classes).mean()),
        "knn_accuracy": float((neighbourhoods.vote(near, classes) == classes).mean()),
        "silhouette": class_measures.silhouette(known, classes),
    }
    check()
    if len(large_classes(classes, class_measures.FOLDS)) > 1:
        found["separability"] = class_measures.separability(known, classes, seed=seed)
    return found
