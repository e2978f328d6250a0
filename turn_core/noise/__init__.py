"""Label noise: injecting it into right labels, from a transition matrix."""

from turn_core.noise.inject import inject, symmetric_transition

__all__ = ["inject", "symmetric_transition"]
