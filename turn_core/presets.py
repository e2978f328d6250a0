"""Complete configurations: the paper's Table 8 per backbone, and turn-mini's own."""

from dataclasses import replace

from turn_core.config import FinetuneConfig, Optimizer, ProbeConfig, TurnConfig
from turn_core.errors import ConfigError

_Row = tuple[Optimizer, float, float, Optimizer, float, float]

TABLE_8: dict[str, _Row] = {
    # backbone: LP optimiser, learning rate, weight decay; FFT optimiser, learning rate, decay
    "vit": ("sgd", 1e-2, 1e-3, "sgd", 1e-2, 1e-5),
    "convnext": ("sgd", 1e-1, 1e-4, "adamw", 1e-4, 1e-4),
    "mae": ("adamw", 1e-2, 1e-5, "adamw", 1e-4, 1e-3),
    "msn": ("sgd", 1e-2, 1e-2, "sgd", 1e-3, 1e-5),
    "clip": ("adamw", 1e-3, 1e-6, "adamw", 1e-5, 1e-5),
    "resnet": ("adamw", 1e-3, 1e-5, "adamw", 1e-3, 1e-5),
}
"""Table 8 of the TURN paper (CIFAR-100). Momentum and schedule are our choice: 0.9, cosine."""

OWN: dict[str, _Row] = {
    "turn-mini": ("sgd", 5e-2, 1e-4, "adamw", 3e-4, 5e-2),
    "local": ("sgd", 5e-2, 1e-4, "adamw", 1e-4, 1e-4),
}
"""Ours, chosen on held-out Tiny-ImageNet; `local` serves a folder of unknown origin."""

PRESETS = {**TABLE_8, **OWN}

BATCH_NORM = frozenset({"resnet"})
"""Presets of networks with batch norm: a step computed in smaller pieces would be another one."""


def preset_for(preset: str, *, backbone: str, seed: int = 0) -> TurnConfig:
    """Return the complete config of preset `preset` for `backbone`.

    Raises:
        ConfigError: there is no such preset; the message lists those that are.
    """
    if preset not in PRESETS:
        raise ConfigError(f"no preset {preset!r}; there are {', '.join(sorted(PRESETS))}")
    probe_optimizer, probe_lr, probe_wd, optimizer, lr, wd = PRESETS[preset]
    finetune = replace(FinetuneConfig(), optimizer=optimizer, learning_rate=lr, weight_decay=wd)
    if preset in BATCH_NORM:
        finetune = replace(finetune, micro_batch_size=finetune.batch_size)
    return TurnConfig(
        backbone=backbone,
        seed=seed,
        probe=replace(
            ProbeConfig(),
            optimizer=probe_optimizer,
            learning_rate=probe_lr,
            weight_decay=probe_wd,
        ),
        finetune=finetune,
    )
