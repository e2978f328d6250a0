"""The command `figure2`: its options, its request, and what it tells at the end."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turn_core.experiments.figure2 import Figure2Request
    from turn_core.methods.progress import OnEvent
    from turn_core.types import Progress

HELP = """\
Draws Figure 2 of the TURN paper: maps of held-out test images before fine-tuning, and after it on
labels with little and with much symmetric noise. DATA is a folder with CIFAR-100 as Parquet files
(columns image and fine_label), or anything that `audit` takes. Into DIR come figure2 and curves
(.png, .svg, .html), coordinates and metrics (.parquet, .csv) and figure2.json. The same command
again goes on where it was stopped.
"""
SETTINGS = {
    "backbone": "backbones",
    "level": "levels",
    "max_classes": "max_classes",
    "samples": "max_samples",
    "epochs": "epochs",
    "turn": "with_turn",
    "projection": "projections",
    "seed": "seed",
    "device": "device",
}
"""Options and the settings of `ExploreConfig` that they give."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options; one that is left out leaves its setting to `ExploreConfig`."""
    add = command.add_argument
    add("--data", metavar="DATA", required=True, type=Path, help="folder with CIFAR-100")
    add("--out", metavar="DIR", required=True, type=Path, help="result folder")
    add("--backbone", metavar="NAME|PATH", action="append", help="may be given several times")
    add("--level", metavar="SHARE", type=float, action="append", help="noise level, 0 to 1; again")
    add("--turn", action="store_true", default=None, help="run TURN on the same labels too")
    add("--max-classes", metavar="N", type=int, help="how many classes are drawn (default: 10)")
    add("--samples", metavar="N", type=int, default=5000,
        help="samples to train on (default: 5000, all of ten classes)")  # fmt: skip
    add("--epochs", metavar="N", type=int, help="epochs of fine-tuning (default: 5)")
    add("--projection", metavar="MAP", action="append", help="pca, tsne or umap (default: tsne)")
    add("--dark", action="store_true", help="draw on dark ground")
    add("--seed", type=int, help="of every random choice (default: 0)")
    add("--device", help="auto, cpu, cuda or cuda:N (default: auto)")


def request_of(args: argparse.Namespace, *, allow_hub: bool) -> "Figure2Request":
    """Return what the arguments ask for.

    Raises:
        ConfigError: a setting is out of range.
    """
    from turn_core.experiments.figure2 import Figure2Request
    from turn_core.explore_config import ExploreConfig

    given = {setting: getattr(args, option) for option, setting in SETTINGS.items()}
    known = {name: value for name, value in given.items() if value is not None}
    config = ExploreConfig(**known, allow_hub=allow_hub)
    return Figure2Request(
        data=args.data, out=args.out, config=config, theme="dark" if args.dark else "light"
    )


def told_to(show: "Callable[[Progress], None]", stages: list[str]) -> "OnEvent":
    """Return what shows the events of an exploration as a line of progress."""
    from turn_core.methods.progress import CurvePoint, StageProgress
    from turn_core.types import Progress

    def on_event(event: StageProgress | CurvePoint) -> None:
        if isinstance(event, StageProgress):
            place = stages.index(event.stage) + 1 if event.stage in stages else 0
            show(
                Progress(
                    stage=event.stage,
                    step=event.step,
                    total=event.total,
                    stage_index=place,
                    num_stages=len(stages) if place else 0,
                )
            )

    return on_event


def summary(report: Mapping[str, Any], out: Path) -> str:
    """Return the report as a few lines for a person."""
    lines = [f"Classes: {', '.join(report['classes'])}."]
    for panel in report["panels"]:
        level, found = panel["noise_level"], panel["metrics"]
        at = "" if level is None else f" at {100 * level:g} % noise"
        named = ("separability", "knn_accuracy", "cka", "silhouette", "accuracy")
        figures = [f"{n.replace('_', ' ')} {found[n]:.3f}" for n in named if n in found]
        lines.append(f"{panel['backbone']} {panel['method']}{at}: {', '.join(figures)}")
    lines.append(f"Written to {out}: {', '.join(report['files'])}, figure2.json.")
    return "\n".join(lines)
