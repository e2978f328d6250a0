"""Training methods, each as its paper has it; `baselines` are those TURN is compared with."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch

from turn_core.methods.baseline import BaselineData, MethodResult, OnEpoch
from turn_core.methods.ce import run_ce
from turn_core.methods.configs import own_settings as own_settings
from turn_core.methods.configs import short_budget as short_budget
from turn_core.methods.configs import tuner_settings as tuner_settings
from turn_core.methods.dividemix import run_dividemix
from turn_core.methods.elr import run_elr
from turn_core.methods.fft import run_fft as run_fft
from turn_core.methods.gce import run_gce
from turn_core.methods.nmtune import run_nmtune
from turn_core.methods.unicon import run_unicon


class Baseline(Protocol):
    """Trains on frozen features with labels that may be wrong; measures after every epoch."""

    def __call__(
        self,
        data: BaselineData,
        config: Any,
        *,
        seed: int,
        device: torch.device | str = "cpu",
        on_epoch: OnEpoch | None = None,
    ) -> MethodResult:
        """Train by a config of this method: `own_settings` or `short_budget` of its name."""
        ...


baselines: Mapping[str, Baseline] = {
    "ce": run_ce,
    "gce": run_gce,
    "elr": run_elr,
    "dividemix": run_dividemix,
    "unicon": run_unicon,
}
"""By the name that tables and commands use; the last two need `data.views`. All are linear probes:
`run_fft` fine-tunes a whole model under the losses of the first three."""

tuners: Mapping[str, Baseline] = {"lp": run_ce, "mlp": run_nmtune, "nmtune": run_nmtune}
"""NMTune, for a backbone that is itself noisy, and its controls; see `tuner_settings`."""
