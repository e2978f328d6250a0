"""The measures of distortion in words: what pages, figures and tables call them."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Meaning = Literal["nearer", "better", "neither"]
"""What a higher value says: nearer to before, better separated, or neither good nor bad."""


class Metric(NamedTuple):
    """How a measure is shown."""

    label: str
    explanation: str
    """One line, for people who have not read the papers."""
    higher_is: Meaning


METRICS: Mapping[str, Metric] = {
    "cka": Metric(
        "CKA with before",
        "How alike the features are to those before, whatever their rotation and scale: 1 is the "
        "same, 0 is nothing in common.",
        "nearer",
    ),
    "neighbours_kept": Metric(
        "Neighbours kept",
        "Share of the 15 nearest images that are still among the 15 nearest: 1 is all of them.",
        "nearer",
    ),
    "purity": Metric(
        "Neighbour purity",
        "Share of the 15 nearest images that have the same class, by the best labels known.",
        "better",
    ),
    "knn_accuracy": Metric(
        "15-NN accuracy",
        "Share of images whose class wins the vote of the 15 nearest others.",
        "better",
    ),
    "silhouette": Metric(
        "Silhouette",
        "How much nearer an image is to its own class than to the next one: 1 is apart, 0 is "
        "mixed, below 0 is nearer to another class.",
        "better",
    ),
    "separability": Metric(
        "Linear separability",
        "Share of images that a linear classifier on these features gets right, in five-fold "
        "cross-validation.",
        "better",
    ),
    "sve": Metric(
        "Singular value entropy",
        "Over how many directions the features spread evenly: 0 is a line, the logarithm of the "
        "dimensions is all alike.",
        "neither",
    ),
    "lsvr": Metric(
        "Largest singular value ratio",
        "Minus the logarithm of the share that the strongest direction has: 0 is a line, higher "
        "is a flatter spectrum.",
        "neither",
    ),
    "trustworthiness": Metric(
        "Trustworthiness of the map",
        "Whether images that lie together on the map are neighbours in the features: 1 is always, "
        "0.5 is as by chance.",
        "better",
    ),
}
"""Every measure of `distortion.panel_metrics` by its key, in the order of display."""
