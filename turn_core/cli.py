"""The same services without a browser. Exit codes: 0 done, 1 one sentence says why, 130 Ctrl-C.

Commands are imported when they are called, so that `doctor` works where packages are missing.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turn_core import (
    __version__,
    cli_compare,
    cli_explore,
    cli_figure2,
    cli_local,
    cli_members,
    cli_reproduce,
    cli_search,
)
from turn_core.config import Settings
from turn_core.errors import TurnError

if TYPE_CHECKING:
    from turn_core.ingest.source import SourceRef

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"

AUDIT_OPTIONS = (
    *("method", "backbone", "image_column", "label_column", "true_label_column", "tau"),
    *("linear_probe_epochs", "finetune_epochs", "seed", "device", "settings"),
)

AUDIT_HELP = """\
SOURCE is a ZIP or folder of class folders, a ZIP or folder of images with a table (CSV, JSONL or
Parquet), or a Parquet file that holds the images. The result is written into DIR:
labels.parquet and labels.csv (one row per image, its clean probability and suggested label) and
report.json (estimated noise, time of every stage, settings, versions; with true labels also how
well the wrong labels were found). The same command again goes on where it was stopped, and uses
again what is there already.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return the exit code."""
    args = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.command
    try:
        return command(args)
    except TurnError as error:
        print(f"turn-audit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("turn-audit: stopped", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m turn_core",
        description="Find wrong labels in an image data set, correct them, export the rest.",
        epilog="Settings come from TURN_* variables; docs/operations.md lists them.",
    )
    top.add_argument("--version", action="version", version=f"TURN Audit {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "up", _up, "start the worker and the app together; Ctrl-C stops both")
    _add(commands, "worker", _worker, "run jobs (imports, training, exports) until stopped")
    _add(commands, "migrate", _migrate, "make or upgrade the database, after a backup")
    _add(commands, "doctor", _doctor, "check this machine and say what to mend")
    audit = _add(commands, "audit", _audit, "find the wrong labels of a data set", AUDIT_HELP)
    audit.add_argument("source", metavar="SOURCE", help="folder, ZIP or Parquet file to audit")
    _add_audit_options(audit)
    audit.add_argument(
        "--settings", metavar="FILE", type=Path, help="the search.json that `search` wrote"
    )
    _add_columns(audit)
    members = _add(commands, "members", cli_members.run, "say who has which role", cli_members.HELP)
    cli_members.add_options(members)
    demo = _add(
        commands, "demo", _demo, "audit the built-in digits, of which 30 %% are mislabelled"
    )
    _add_audit_options(demo)
    _add_studies(commands)
    return top


def _add_studies(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands that look into methods and data, beside the audit."""
    explore = _add(
        commands,
        "explore",
        _explore,
        "show what fine-tuning on noisy labels does to features",
        cli_explore.HELP,
    )
    cli_explore.add_options(explore)
    _add_columns(explore)
    compare = _add(
        commands,
        "compare",
        cli_compare.run,
        "train several methods on the same labels and measure each",
        cli_compare.HELP,
    )
    cli_compare.add_options(compare)
    _add_columns(compare)
    figure2 = _add(commands, "figure2", _figure2, "draw the paper's Figure 2", cli_figure2.HELP)
    cli_figure2.add_options(figure2)
    search = _add(
        commands, "search", cli_search.run, "find settings of the linear probe", cli_search.HELP
    )
    cli_search.add_options(search)
    _add_columns(search)
    text = "run a table of the TURN paper and show its numbers beside ours"
    tables = _add(commands, "reproduce", cli_reproduce.run, text, cli_reproduce.HELP)
    cli_reproduce.add_options(tables)


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Callable[[argparse.Namespace], int],
    text: str,
    more: str = "",
) -> argparse.ArgumentParser:
    sentence = text.replace("%%", "%")
    added = commands.add_parser(
        name,
        help=text,
        description=f"{sentence[0].upper()}{sentence[1:]}.\n\n{more}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(command=command)
    return added


def _add_audit_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", metavar="DIR", required=True, type=Path, help="result folder")
    command.add_argument(
        "--method",
        choices=("turn", "turn-plus"),
        default="turn",
        help="turn-plus also learns which classes are given in place of which (default: turn)",
    )
    command.add_argument(
        "--backbone",
        metavar="NAME|PATH",
        default="turn-mini",
        help="a backbone's name or a local Hugging Face folder (default: turn-mini)",
    )
    command.add_argument(
        "--tau", type=float, help="a label is clean above this clean probability (default: 0.6)"
    )
    command.add_argument(
        "--linear-probe-epochs",
        metavar="N",
        type=int,
        help="epochs of step 1, of at least 50 steps in all (default: 20)",
    )
    command.add_argument(
        "--finetune-epochs",
        metavar="N",
        type=int,
        help="epochs of step 2 (default: 4); 0 stops after step 1",
    )
    command.add_argument("--seed", type=int, default=0, help="of every random choice (default: 0)")
    command.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )


def _add_columns(command: argparse.ArgumentParser) -> None:
    columns = command.add_argument_group("columns, where SOURCE has a table (guessed if left out)")
    columns.add_argument("--image-column", metavar="C", help="image files or image bytes")
    columns.add_argument("--label-column", metavar="C", help="the labels")
    columns.add_argument("--true-label-column", metavar="C", help="true labels, to measure against")


def _up(_args: argparse.Namespace) -> int:
    from turn_core import launch
    from turn_core.services.workspace import open_workspace

    settings = Settings.from_env()
    open_workspace(settings).close()  # migrates once, before two processes ask for it
    launch.Launcher(settings, say=lambda line: print(line, flush=True)).run()
    return 0


def _worker(_args: argparse.Namespace) -> int:
    from turn_core.jobs import worker

    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    worker.serve(Settings.from_env())
    return 0


def _migrate(_args: argparse.Namespace) -> int:
    from turn_core.services.workspace import open_workspace

    settings = Settings.from_env()
    open_workspace(settings).close()
    print(f"The database of {settings.home} is up to date.")
    return 0


def _doctor(_args: argparse.Namespace) -> int:
    from turn_core.services import doctor

    failed = False
    for check in doctor.diagnose(Settings.from_env()):
        print(f"{check.level:<5}{check.name:<10} {check.text}", flush=True)
        if check.remedy:
            print(f"{'':<16}-> {check.remedy}")
        failed = failed or check.level is doctor.Level.FAIL
    return int(failed)


def _demo(args: argparse.Namespace) -> int:
    from turn_core.services import demo

    return _run_audit(args, demo.source(args.seed))


def _audit(args: argparse.Namespace) -> int:
    from turn_core.ingest.source import SourceRef

    return _run_audit(args, SourceRef.at_path(args.source))


def _run_audit(args: argparse.Namespace, source: "SourceRef") -> int:
    from turn_core.services import audit

    options: dict[str, Any] = {name: getattr(args, name, None) for name in AUDIT_OPTIONS}
    request = audit.AuditRequest(source=source, out=args.out, **options)
    settings = cli_local.settings_for(args.out)
    audit.configuration(request, allow_hub=settings.allow_hub)  # wrong settings, before any work
    with cli_local.opened(settings) as (workspace, execute):
        report = audit.audit(workspace, request, execute)
    print(summary(report, args.out))
    return 0


def _explore(args: argparse.Namespace) -> int:
    from turn_core.services import explore_source

    request = cli_explore.request_of(args)
    settings = cli_local.settings_for(args.out)
    explore_source.configuration(request, allow_hub=settings.allow_hub)
    with cli_local.opened(settings) as (workspace, execute):
        report = explore_source.explore(workspace, request, execute)
    print(cli_explore.summary(report, args.out))
    return 0


def _figure2(args: argparse.Namespace) -> int:
    from turn_core.experiments import figure2
    from turn_core.jobs import console

    request = cli_figure2.request_of(args, allow_hub=Settings.from_env().allow_hub)
    line = console.ProgressLine(sys.stderr)
    with cli_local.alone(args.out / "work"):
        try:
            told = cli_figure2.told_to(line.show, figure2.stages(request.config))
            report = figure2.draw(request, on_event=told)
        finally:
            line.close()
    print(cli_figure2.summary(report, args.out))
    return 0


def summary(report: Mapping[str, Any], out: Path) -> str:
    """Return the report as a few lines for a person."""
    lines = ["The noise rate could not be estimated."]
    if noise := report["noise_rate"]:
        low, high = noise["low"], noise["high"]
        lines = [f"Estimated noise rate {noise['value']:.1%} ({low:.1%} to {high:.1%})."]
    lines.append(
        f"{report['num_issues']:,} of {report['num_samples']:,} labels are likely wrong"
        f" (clean probability at or below {report['threshold']})."
    )
    if detection := report["detection"]:
        told = {name.replace("_", " "): value for name, value in detection.items()}
        figures = [f"{name} {'-' if v is None else f'{v:.3f}'}" for name, v in told.items()]
        lines.append(f"Against the true labels: {', '.join(figures)}.")
    seconds = sum(stage["seconds"] for stage in report["stages"])
    lines.append(f"Written to {out}: labels.parquet, labels.csv, report.json ({seconds:.0f} s).")
    return "\n".join(lines)
