"""Label noise: putting wrong labels into a data set, by the models of the literature."""

from turn_core.noise.apply import apply_noise
from turn_core.noise.asymmetric import (
    block_transition,
    map_transition,
    next_transition,
    superclass_transition,
)
from turn_core.noise.instance import cheng_noise, xia_noise
from turn_core.noise.records import NoisyLabels
from turn_core.noise.symmetric import symmetric_transition
from turn_core.noise.transition import check_transition, inject, measured_transition

__all__ = [
    "NoisyLabels",
    "apply_noise",
    "block_transition",
    "check_transition",
    "cheng_noise",
    "inject",
    "map_transition",
    "measured_transition",
    "next_transition",
    "superclass_transition",
    "symmetric_transition",
    "xia_noise",
]
