"""The command `compare`: its options, its request, and what it tells at the end."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turn_core import __version__, cli_local
from turn_core.config import Settings
from turn_core.errors import ConfigError

HELP = """\
Trains several methods on the same labels, over several seeds, and measures each on held-out
samples. SOURCE is what `audit` takes. Instead of it, --features names a file of features (.npy,
.npz, .safetensors or Parquet) and --labels one with their labels. Into DIR come comparison.md,
.csv, .parquet and .json. The same command again goes on where it was stopped.
"""
REPORT = "comparison.json"
SETTINGS = {
    "backbone": "backbone",
    "method": "methods",
    "seeds": "seeds",
    "budget": "budget",
    "epochs": "finetune_epochs",
    "samples": "max_samples",
    "holdout": "holdout_fraction",
    "outside": "outside",
    "seed": "seed",
    "device": "device",
}
"""Options and the settings of `CompareConfig` that they give."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options; one that is left out leaves its setting to `CompareConfig`."""
    add = command.add_argument
    add("source", metavar="SOURCE", nargs="?", help="folder, ZIP or Parquet file")
    add("--out", metavar="DIR", required=True, type=Path, help="result folder")
    add("--features", metavar="FILE", type=Path, help="features in place of images")
    add("--labels", metavar="FILE", type=Path, help="their labels, where FILE has none")
    add("--backbone", metavar="NAME|PATH", help="a backbone (default: turn-mini)")
    add("--method", metavar="NAME", action="append",
        help="again (default: turn, ce, gce, elr; of features lp, mlp, nmtune)")  # fmt: skip
    add("--seeds", metavar="N", type=int, help="seeds of each method (default: 3)")
    add("--budget", metavar="NAME", help="short: 20 epochs; own: of each paper (default: short)")
    add("--epochs", metavar="N", type=int, help="epochs of full fine-tuning (default: 5)")
    add("--samples", metavar="N", type=int, help="samples in all (default: 2000)")
    add("--holdout", metavar="SHARE", type=float, help="held-out share (default: 0.2)")
    add("--outside", metavar="SPLIT", action="append",
        help="a split that is another domain: measured apart, never trained on; again")  # fmt: skip
    add("--seed", type=int, help="the first seed (default: 0)")
    add("--device", help="auto, cpu, cuda or cuda:N (default: auto)")


def run(args: argparse.Namespace) -> int:
    """Compare on a source or on features, and print a line per method.

    Raises:
        ConfigError: there is neither or both, or a setting is out of range.
    """
    if (args.source is None) == (args.features is None):
        raise ConfigError("compare takes a SOURCE or --features FILE, one of them")
    if args.labels is not None and args.features is None:
        raise ConfigError("--labels goes with --features; a SOURCE brings its own labels")
    report = _of_features(args) if args.features is not None else _of_source(args)
    report = {"turn_audit": __version__, **report}
    from turn_core.durable import atomic_write

    text = json.dumps(report, indent=2, ensure_ascii=False)
    atomic_write(args.out / REPORT, f"{text}\n".encode())
    sys.stdout.write(f"{summary(report, args.out)}\n")
    return 0


def summary(report: Mapping[str, Any], out: Path) -> str:
    """Return the report as a few lines for a person."""
    from turn_core.experiments import compare_tables

    table = (out / "comparison.md").read_text(encoding="utf-8").rstrip()
    files = ", ".join([*report["files"], REPORT])
    told = compare_tables.measured(report["summary"])
    return f"{table}\n{told}\nWritten to {out}: {files}."


def _of_source(args: argparse.Namespace) -> dict[str, Any]:
    from turn_core.compare_config import CompareConfig
    from turn_core.ingest.source import SourceRef
    from turn_core.services import compare_source

    settings = cli_local.settings_for(args.out)
    config = CompareConfig(**_given(args), allow_hub=settings.allow_hub)
    request = compare_source.CompareRequest(
        source=SourceRef.at_path(args.source),
        out=args.out,
        config=config,
        image_column=args.image_column,
        label_column=args.label_column,
        true_label_column=args.true_label_column,
    )
    with cli_local.opened(settings) as (workspace, execute):
        return compare_source.compare(workspace, request, execute)


def _of_features(args: argparse.Namespace) -> dict[str, Any]:
    from turn_core import cli_figure2
    from turn_core.compare_config import TUNERS, CompareConfig
    from turn_core.experiments import compare, compare_features
    from turn_core.jobs import console

    given = {"methods": TUNERS, **_given(args)}
    config = CompareConfig(**given, allow_hub=Settings.from_env().allow_hub)
    request = compare_features.FilesRequest(
        features=args.features, labels=args.labels, out=args.out, config=config
    )
    line = console.ProgressLine(sys.stderr)
    with cli_local.alone(args.out / "work"):
        try:
            stages = compare.stage_names(config, with_images=False)
            told = cli_figure2.told_to(line.show, stages)
            return compare_features.compare_files(request, on_event=told)
        finally:
            line.close()


def _given(args: argparse.Namespace) -> dict[str, Any]:
    values = {setting: getattr(args, option) for option, setting in SETTINGS.items()}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None
    }
