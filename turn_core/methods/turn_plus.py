"""turn-plus: TURN that learns which classes are given in place of which, and judges labels by it.

Two steps differ from TURN's. The linear probe estimates the noise transition matrix along with
its head (`noise_aware_probe`), and a label is judged not by its cross entropy alone but against
the classes that are really given in its place. docs/turn_plus.md says why, and what it brings.
"""

from collections.abc import Callable

from torch import Tensor

from turn_core import losses
from turn_core.linear_probe import Features, LinearProbe
from turn_core.methods.turn_run import TurnRun
from turn_core.noise_aware_probe import fit_noise_aware_probe
from turn_core.seeds import derive


class TurnPlusRun(TurnRun):
    """One run of turn-plus; its checkpoints also hold how much each class counts against another.

    The matrix of step 1 serves all passes: what people mistake for what does not change with the
    model, and re-estimating it from a model that was tuned on the outcome would confirm itself.
    """

    def _fit(self, features: Features, on_epoch: Callable[[int, float], None]) -> LinearProbe:
        found = fit_noise_aware_probe(
            features,
            self.data.labels,
            self.data.num_classes,
            self.config.probe,
            seed=derive(self.config.seed, "probe"),
            mask=self.trained,
            trusted=self.data.trusted,
            device=self.device,
            dtype=self.training.state.precision.torch_dtype,
            on_epoch=on_epoch,
        )
        self.training.state.alternatives = found.alternatives
        return found.head

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        alternatives = self.training.state.alternatives
        assert alternatives is not None  # fitted with the probe, and restored with it
        return losses.weighted_ce_loss(logits, labels, alternatives.to(logits.device))
