"""What goes into a TURN run and what comes out. N samples, K classes, P passes, E epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core.backbones.classifier import Classifier
from turn_core.errors import DataError
from turn_core.linear_probe import Features, LinearProbe
from turn_core.predictions import PixelSource
from turn_core.types import Interval

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnData:
    """A labelled set of images, or of their features."""

    labels: Ints
    """(N,) in 0..K-1: the current labels."""
    num_classes: int
    """K; every class has at least one sample that is not excluded."""
    trusted: Bools
    """(N,) a person confirmed or corrected the label: always in the clean set, never held out."""
    excluded: Bools
    """(N,) left out of probe, mixture, training and hold-out; still scored."""
    names: Sequence[str]
    """(N,) what an error message calls a sample."""
    image_keys: Sequence[str]
    """(N,) equal for copies of one image, such as its sha256."""
    pixels: PixelSource | None = None
    """M images; may be None where `features` are given and no epoch is fine-tuned."""
    pixel_rows: Ints | None = None
    """(N,) places of the samples among the M images; None where they are the same."""
    pixels_key: str = ""
    """Names the M images in the cache of features."""
    features_dir: Path | None = None
    """Cache of features, may be shared between runs; needed where `features` are not given."""
    features: Features | None = None
    """(N, D) frozen features where they are known already."""

    def __post_init__(self) -> None:
        size = len(self.labels)
        for name in ("trusted", "excluded", "names", "image_keys", "pixel_rows", "features"):
            value = getattr(self, name)
            if value is not None and len(value) != size:
                raise DataError(f"{name} has {len(value)} entries but there are {size} labels")
        if self.features is None and self.features_dir is None:
            raise DataError("extracted features need a folder; give features or features_dir")
        used = self.labels[~self.excluded]
        present = np.unique(used)
        if len(present) < 2 or self.num_classes != len(present) or present[0] < 0:
            raise DataError(
                f"the audit needs 2 classes or more, labels 0 to K-1 all in use; {len(present)} of "
                f"{self.num_classes} classes have a sample that is not excluded"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What a run found. A pass is one scoring of all samples; P = E + 1."""

    clean_probability: Floats
    """(N,) final: 0..1, low = suspect."""
    loss: Floats
    """(N,) final."""
    fallback: NDArray[np.str_]
    """(N,) how the final clean probability came about; "none" where the mixture was believed."""
    top_class: Ints
    """(N, <= 5) most probable classes of the final model, best first; column 0 is suggested."""
    top_probability: Floats
    """(N, <= 5)."""
    given_probability: Floats
    """(N,) probability of the label by the final model."""
    selected: Bools
    """(E, N) in the balanced clean subset of each epoch."""
    pass_clean_probability: Floats
    """(P, N); pass 0 is the linear probe, pass e the model after e epochs."""
    pass_loss: Floats
    """(P, N)."""
    pass_top_class: Ints
    """(P, N) the class that each pass puts first."""
    holdout: Bools
    """(N,) never trained on."""
    holdout_accuracy: Sequence[float]
    """(P,) share of held-out samples whose top class is their label; empty without hold-out."""
    clean_fraction: Sequence[float]
    """(P,) share above tau of the samples that are not excluded."""
    noise_rate: Interval | None
    """Estimated share of wrong labels; None where no class could be judged."""
    neighbours: Ints
    """(N, k) nearest samples by frozen features, nearest first."""
    similarities: Floats
    """(N, k) their cosines."""
    probe: LinearProbe
    """The head of step 1."""
    model: Classifier | None
    """The fine-tuned model, or the frozen backbone with the probe as head; None without images."""
    features_key: str
    """Names the features of the M images in `features_dir`; empty where they were given."""
    times: Sequence[Mapping[str, Any]]
    """{stage, seconds, items, per_second} in order."""
    precision: str
    """Arithmetic of the forward passes: fp32 or bf16."""
    threads: int
    """CPU threads of the run."""
    notes: Sequence[str]
    """Sentences on what did not go the usual way: a resume, a damaged checkpoint, a back-off."""
