"""What a search on wrong labels finds on real features: the winner against the preset.

CIFAR-100's training images of superclasses 0, 4, 7 and 11 (20 classes, 10,000 images) with
DeiT-Tiny, as in detection_cifar100n. Settings are compared on held-out labels that are wrong like
all others; beside it what the truth says of the same trials (`oracle` is the best by true labels),
and how well step 1 finds the wrong labels with each.

    TURN_REAL_DATA=DIR make bench NAME=search_real ARGS="[--only human] [--seed 0]"
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import detection_cifar100n as detection
import numpy as np
import torch
from detection_cifar100n import Setting

from turn_core import losses
from turn_core.cleansing import clean_probability
from turn_core.config import CleansingConfig, NoiseConfig, ProbeConfig
from turn_core.experiments import search as searching
from turn_core.experiments.search import Numbered, SearchData, SearchSpace, Trial, TryConfig
from turn_core.linear_probe import fit_linear_probe
from turn_core.metrics import detection_report
from turn_core.noise import apply_noise
from turn_core.presets import preset_for


def superclasses(root: Path) -> np.ndarray:
    """Number 0..3 of the superclass of each of the 20 classes."""
    coarse = np.array(
        json.loads((root / "cifar100" / "classes.json").read_text())["coarse_of_fine"]
    )
    return np.unique(coarse[np.isin(coarse, detection.SUPERCLASSES)], return_inverse=True)[1]


def more_noise(true: np.ndarray, coarse: np.ndarray, seed: int) -> list[Setting]:
    """Asymmetric noise within superclasses, and to the next class, where search may be misled."""
    found = []
    for kind, level in (("asymmetric_superclass", 0.4), ("asymmetric_next", 0.4)):
        groups = {"superclasses": tuple(coarse.tolist())} if kind.endswith("superclass") else {}
        config = NoiseConfig(kind=kind, level=level, **groups)
        labels = apply_noise(true, 20, config, seed=seed).labels
        found.append(Setting(f"{kind} {level:.0%}", np.arange(len(true)), labels, true))
    return found


class WithTruth:
    """Runs the trials as `search` does, and notes how many true labels each predicts."""

    def __init__(self, data: SearchData, true: np.ndarray) -> None:
        self.data, self.true = data, true[data.held_out]
        self.accuracy: dict[int, float] = {}

    def run_all(self, _attempt: TryConfig, numbered: Numbered) -> Iterator[Trial]:
        """Yield the trials; their figures are those of `search.try_config`."""
        data, seed = self.data, searching.derive(0, "search", "probe")
        features, labels = data.features[data.held_out], data.labels[data.held_out]
        for index, config in numbered:
            start = time.process_time()
            probe = fit_linear_probe(
                data.features, data.labels, data.num_classes, config, seed=seed, mask=~data.held_out
            )
            logits = probe.logits(features)
            top = logits.argmax(1).numpy()
            self.accuracy[index] = float((top == self.true).mean())
            yield Trial(
                index=index,
                config=config,
                accuracy=float((top == labels).mean()),
                loss=float(losses.gce_loss(logits, torch.from_numpy(labels)).double().mean()),
                seconds=time.process_time() - start,
            )


def average_precision(features: np.ndarray, setting: Setting, config: ProbeConfig) -> float:
    """Of finding the wrong labels by step 1 with these settings."""
    probe = fit_linear_probe(features, setting.labels, 20, config, seed=0)
    loss = losses.ce_loss(probe.logits(features), torch.from_numpy(setting.labels)).numpy()
    clean = clean_probability(loss, setting.labels, 20, CleansingConfig()).clean_probability
    wrong = setting.labels != setting.true
    return detection_report(clean, wrong, threshold=0.6, losses=loss).average_precision


def report(setting: Setting, features: np.ndarray, presets: dict[str, ProbeConfig]) -> None:
    """Search on a setting and print a row for the winner, each preset and the oracle."""
    data = searching.hold_out(features, setting.labels, 20, seed=0)
    space = SearchSpace().configs(next(iter(presets.values())))
    truth = WithTruth(data, setting.true)
    configs = [*presets.values(), *space]
    result = searching.search(data, configs, seed=0, run_all=truth.run_all)
    right = [truth.accuracy[trial.index] for trial in result.trials]
    spent = sum(trial.seconds for trial in result.trials)
    named = dict(zip(presets, result.trials))
    named |= {"found": result.best, "oracle": result.trials[int(np.argmax(right))]}
    for name, trial in named.items():
        config = trial.config
        print(
            f"| {setting.name} | {name}: {config.optimizer} {config.learning_rate:g} "
            f"{config.weight_decay:g} {config.batch_size} | {trial.accuracy:.4f} "
            f"| {right[trial.index]:.4f} "
            f"| {average_precision(features, setting, config):.4f} | {spent:.0f} |",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="settings whose name starts with this")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(1)
    args.weights = Path(root) / "weights" / "deit-tiny-patch16-224"
    pixels, true, human = detection.load(Path(root))
    images = detection.Images(pixels, detection.load_spec(args.weights))
    features = detection.cached_features(images, args)
    presets = {name: preset_for(name, backbone="deit-tiny").probe for name in ("local", "vit")}
    settings = detection.settings(true, human, args.seed) + more_noise(
        true, superclasses(Path(root)), args.seed
    )
    print("| labels | settings | held-out given labels | held-out true labels | AP | CPU s |")
    print("|---|---|---|---|---|---|")
    for setting in settings:
        if setting.name.startswith(args.only):
            report(setting, features[setting.rows], presets)


if __name__ == "__main__":
    main()
