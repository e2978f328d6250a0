"""Tiny data, a tiny network and runs of TURN on them, killed where a test wants it."""

import numpy as np
import torch
from training_toys import ArrayPixels, coloured_squares, make_backbone

from turn_core.config import CleansingConfig, FinetuneConfig, ProbeConfig, TurnConfig
from turn_core.methods.records import TurnData
from turn_core.methods.turn import run_turn

CPU = torch.device("cpu")
SIZE = 240


def make_config(epochs=2, **changes):
    values = {
        "backbone": "tiny",
        "seed": 3,
        "holdout_fraction": 0.1,
        "num_neighbours": 4,
        "probe": ProbeConfig(epochs=5, min_steps=0),
        "cleansing": CleansingConfig(min_class_size=10),
        "finetune": FinetuneConfig(
            epochs=epochs, batch_size=16, micro_batch_size=8, learning_rate=0.005, precision="fp32"
        ),
    }
    return TurnConfig(**{**values, **changes})


def make_data(folder, **changes):
    images, given, true = coloured_squares(SIZE, noise=0.2)
    values = {
        "labels": given,
        "num_classes": 3,
        "trusted": np.zeros(SIZE, bool),
        "excluded": np.zeros(SIZE, bool),
        "names": [f"square {i}" for i in range(SIZE)],
        "image_keys": [f"key {i}" for i in range(SIZE)],
        "pixels": ArrayPixels(images),
        "pixels_key": "squares",
        "features_dir": folder / "features",
    }
    return TurnData(**{**values, **changes}), true


def run(folder, *, epochs=2, config=None, backbone=None, **options):
    config = config or make_config(epochs)
    data = options.pop("data", None) or make_data(folder)[0]
    return run_turn(
        data,
        config,
        backbone=backbone or make_backbone(drop_path=0.1),
        device=CPU,
        checkpoint_dir=folder / "checkpoint",
        **options,
    )


def assert_same(first, second):
    for name in (
        "clean_probability",
        "loss",
        "fallback",
        "top_class",
        "top_probability",
        "given_probability",
        "selected",
        "pass_clean_probability",
        "pass_loss",
        "neighbours",
        "similarities",
        "holdout",
    ):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    states = [r.model.state_dict() for r in (first, second)]
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))


class KilledError(BaseException):
    """Stands for SIGKILL: nothing may tidy up."""


def run_killed_at(folder, numbers, **options):
    """Run, die at these event numbers (counted over all attempts), go on until the end."""
    seen, deaths = 0, sorted(numbers)

    def on_event(event):
        nonlocal seen
        seen += 1
        if deaths and seen >= deaths[0]:
            deaths.pop(0)
            raise KilledError

    while True:
        try:
            return run(folder, on_event=on_event, **options), seen
        except KilledError:
            continue
