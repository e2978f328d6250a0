"""The steps of TURN and the state between them. N samples, K classes, E epochs, P = E + 1 passes.

A pass scores all samples: pass 0 is the linear probe on the cached features, pass e the model after
e epochs. Checkpoints: after every selection and epoch, and every half minute of fine-tuning.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core import losses
from turn_core.backbones.classifier import Classifier
from turn_core.backbones.loading import Backbone
from turn_core.cleansing import Cleansing, balanced_clean_subset, clean_probability
from turn_core.config import TurnConfig
from turn_core.devices import inference_batch as inference_batch
from turn_core.errors import DataError
from turn_core.features import extract_features, features_key
from turn_core.holdout import stratified_holdout
from turn_core.linear_probe import Features, LinearProbe, fit_linear_probe, num_epochs
from turn_core.methods.final import combine, fill_excluded
from turn_core.methods.progress import CurvePoint, Items, OnEvent, StageProgress
from turn_core.methods.records import TurnData, TurnResult
from turn_core.methods.training import Training
from turn_core.neighbours import nearest_neighbours
from turn_core.predictions import (
    OnProgress,
    PixelRows,
    Predictions,
    predict_from_features,
    predict_from_pixels,
)
from turn_core.seeds import derive

EXTRACT, PROBE, FINAL = "Extract features", "Linear probe", "Final scores"
NEIGHBOURS = "Nearest neighbours"
EXCLUDED = "excluded"
"""Fallback of a sample that took no part: its probability is read off those of its class."""


class TurnRun:
    """One run. Made anew, it goes on where the newest whole checkpoint stands."""

    def __init__(
        self,
        data: TurnData,
        config: TurnConfig,
        backbone: Backbone | None,
        device: torch.device,
        checkpoint_dir: Path,
        on_event: OnEvent,
        check: Callable[[], None],
    ) -> None:
        needs_images = config.finetune.epochs > 0 or data.features is None
        if needs_images and (backbone is None or data.pixels is None):
            raise DataError("features and fine-tuning need a backbone and images; give both")
        self.data, self.config, self.backbone, self.device = data, config, backbone, device
        self.on_event, self.check = on_event, check
        self.model: Classifier | None = None
        self.features_key = ""
        self.pixels = data.pixels
        if data.pixels is not None and data.pixel_rows is not None:
            self.pixels = PixelRows(data.pixels, data.pixel_rows)
        self.training = Training(config, device, checkpoint_dir)
        self.holdout = stratified_holdout(
            data.labels,
            data.image_keys,
            ~data.excluded & ~data.trusted,
            fraction=config.holdout_fraction,
            seed=config.seed,
        )
        self.trained = ~data.excluded & ~self.holdout

    @staticmethod
    def stage_names(epochs: int) -> list[str]:
        """Return the stages of a run in order."""
        rounds = [
            f"Epoch {epoch} of {epochs}: {what}"
            for epoch in range(1, epochs + 1)
            for what in ("score", "fine-tune")
        ]
        return [EXTRACT, PROBE, *rounds, FINAL]

    @property
    def epoch(self) -> int:
        """The epoch under way, from 0."""
        return self.training.state.epoch

    def extract_features(self) -> Features:
        """Frozen features (N, D), computed once for all M images (paper section 4.1)."""
        data, backbone = self.data, self.backbone
        if data.features is not None:
            return data.features
        assert backbone is not None  # the constructor has checked these
        assert data.pixels is not None
        assert data.features_dir is not None
        backbone.to(self.device)
        self.features_key = features_key(backbone, data.pixels_key, self.training.state.precision)
        with self.training.state.times.measure(EXTRACT) as items:
            features = extract_features(
                backbone,
                data.pixels,
                path=data.features_dir / f"{self.features_key}.npy",
                batch_size=inference_batch(self.device),
                precision=self.training.state.precision,
                on_progress=self._counter(EXTRACT, items),
            )
        return features if data.pixel_rows is None else features[data.pixel_rows]

    def fit_probe(self, features: Features) -> LinearProbe:
        """Step 1: the head under GCE on the frozen features (paper section 4.1)."""
        if self.training.state.probe is None:
            with self.training.state.times.measure(PROBE) as items:
                count = self._counter(PROBE, items)
                epochs = num_epochs(self.config.probe, int(self.trained.sum()))

                def on_epoch(epoch: int, loss: float) -> None:
                    count(epoch, epochs)
                    self.on_event(CurvePoint("probe_loss", epoch, loss))

                count(0, epochs)
                self.training.state.probe = self._fit(features, on_epoch)
                items.count *= int(self.trained.sum())
        return self.training.state.probe

    def build_model(self, probe: LinearProbe) -> None:
        """Put the probe on the backbone; after a resume, the weights of the checkpoint."""
        if self.backbone is None:
            return
        with torch.random.fork_rng(devices=[]):  # a new layer draws weights that are overwritten
            self.model = Classifier(self.backbone, probe.as_linear()).to(self.device)
        if self.config.finetune.epochs and self.pixels is not None:
            self.training.attach(self.model, self.pixels, self.data.labels)

    def is_pass_due(self) -> bool:
        """Whether the epoch under way still lacks the pass at its start."""
        return len(self.training.state.passes) == self.training.state.epoch

    def predict(self, probe: LinearProbe, features: Features) -> Predictions:
        """The next pass over all N samples; the first costs no forward pass (backbone frozen)."""
        number, epochs = len(self.training.state.passes), self.config.finetune.epochs
        stage = f"Epoch {number + 1} of {epochs}: score" if number < epochs else FINAL
        with self.training.state.times.measure(stage) as items:
            count = self._counter(stage, items)
            if number == 0 or self.model is None or self.pixels is None:
                return predict_from_features(
                    probe, features, self.data.labels, loss=self._loss, on_progress=count
                )
            return predict_from_pixels(
                self.model,
                self.pixels,
                self.data.labels,
                batch_size=inference_batch(self.device),
                precision=self.training.state.precision,
                loss=self._loss,
                on_progress=count,
            )

    def cleanse(self, predictions: Predictions) -> Cleansing:
        """Per-class mixture on the losses of what is not excluded (paper section 4.2)."""
        number = len(self.training.state.passes)
        cleansing = self._judge(predictions.loss)
        clean = self._with_excluded(cleansing, predictions.loss)
        self.training.state.passes.append(predictions)
        self.training.state.clean_probability.append(clean)
        self.on_event(CurvePoint("clean_fraction", number, self._clean_share(clean)))
        if self.holdout.any():
            self.on_event(CurvePoint("holdout_accuracy", number, self._accuracy(predictions)))
        return cleansing

    def select(self, cleansing: Cleansing) -> None:
        """The same number from every class (paper section 4.2, equation 4); then a checkpoint."""
        used = np.flatnonzero(~self.data.excluded)
        subset = balanced_clean_subset(
            cleansing,
            self.data.labels[used],
            self.config.cleansing,
            seed=derive(self.config.seed, "subset", self.training.state.epoch),
            eligible=self.trained[used],
            trusted=self.data.trusted[used],
        )
        selected = np.zeros(len(self.data.labels), dtype=bool)
        selected[used[subset.indices]] = True
        self.training.state.selected.append(selected)
        self.training.save(anchor=True)

    def finetune(self, epoch: int) -> None:
        """One epoch of full fine-tuning on the subset of this epoch."""
        stage = f"Epoch {epoch + 1} of {self.config.finetune.epochs}: fine-tune"
        subset = np.flatnonzero(self.training.state.selected[epoch])
        with self.training.state.times.measure(stage) as items:
            count = self._counter(stage, items)
            loss = self.training.run_epoch(subset, self.data.names, count, self.check)
        self.on_event(CurvePoint("finetune_loss", epoch + 1, loss))

    def result(self, probe: LinearProbe, features: Features) -> TurnResult:
        """Put together what was found, with the nearest neighbours by frozen features."""
        state, last = self.training.state, self.training.state.passes[-1]
        losses = np.stack([predictions.loss for predictions in state.passes])
        final_loss = combine(losses)
        cleansing = self._judge(final_loss)
        fallback = np.full(len(final_loss), EXCLUDED, dtype="<U12")
        fallback[~self.data.excluded] = cleansing.fallback
        with state.times.measure(NEIGHBOURS) as items:
            self.check()
            neighbours, similarities = nearest_neighbours(
                features, self.config.num_neighbours, device=self.device
            )
            items.count = len(neighbours)
        held = self.holdout.any()
        return TurnResult(
            clean_probability=self._with_excluded(cleansing, final_loss),
            loss=final_loss,
            fallback=fallback,
            top_class=last.top_class,
            top_probability=last.top_probability,
            given_probability=last.given_probability,
            selected=np.array(state.selected, dtype=bool).reshape(-1, len(final_loss)),
            pass_clean_probability=np.stack(state.clean_probability),
            pass_loss=losses,
            pass_top_class=np.stack([predictions.top_class[:, 0] for predictions in state.passes]),
            holdout=self.holdout,
            holdout_accuracy=[self._accuracy(p) for p in state.passes] if held else [],
            clean_fraction=[self._clean_share(clean) for clean in state.clean_probability],
            noise_rate=cleansing.noise_rate,
            neighbours=neighbours,
            similarities=similarities,
            probe=probe,
            model=self.model,
            features_key=self.features_key,
            times=state.times.rows(),
            precision=state.precision.dtype,
            threads=state.threads,
            notes=state.notes,
        )

    def _fit(self, features: Features, on_epoch: Callable[[int, float], None]) -> LinearProbe:
        """The head of step 1, trained on what is neither excluded nor held out."""
        return fit_linear_probe(
            features,
            self.data.labels,
            self.data.num_classes,
            self.config.probe,
            seed=derive(self.config.seed, "probe"),
            mask=self.trained,
            device=self.device,
            dtype=self.training.state.precision.torch_dtype,
            on_epoch=on_epoch,
        )

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """What a label is judged by (B,): its cross entropy (paper section 4.2)."""
        return losses.ce_loss(logits, labels)

    def _judge(self, losses: NDArray[np.float32]) -> Cleansing:
        """The mixture on what is not excluded."""
        used = ~self.data.excluded
        return clean_probability(
            losses[used],
            self.data.labels[used],
            self.data.num_classes,
            self.config.cleansing,
            trusted=self.data.trusted[used],
        )

    def _with_excluded(
        self, cleansing: Cleansing, losses: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(N,): an excluded sample gets what its loss would have got in its class."""
        return fill_excluded(
            cleansing.clean_probability,
            losses,
            self.data.labels,
            excluded=self.data.excluded,
            trusted=self.data.trusted,
        )

    def _clean_share(self, clean: NDArray[np.float32]) -> float:
        return float(np.mean(clean[~self.data.excluded] > self.config.cleansing.threshold))

    def _accuracy(self, predictions: Predictions) -> float:
        """Share of held-out samples whose top class is their label."""
        held = self.holdout
        return float(np.mean(predictions.top_class[held, 0] == self.data.labels[held]))

    def _counter(self, stage: str, items: Items) -> OnProgress:
        """A callback that checks, tells, and counts the items done since its first call."""
        last: list[int] = []

        def on_progress(done: int, total: int) -> None:
            self.check()
            self.on_event(StageProgress(stage, done, total))
            items.count += max(0, done - last[0]) if last else 0
            last[:] = [done]

        return on_progress
