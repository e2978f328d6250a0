"""Comparisons: start one, and say what its figures mean. `studies` does the rest."""

from pathlib import Path

from sqlalchemy.orm import Session

from turn_core.compare_config import METHODS, MIN_CLASS_SIZE, CompareConfig
from turn_core.errors import DataError
from turn_core.experiments import compare_tables
from turn_core.services import studies
from turn_core.services.workspace import Workspace
from turn_core.store import samples as sample_queries
from turn_core.types.comparing import COMPARISON, Comparison, MethodSummary


def start_comparison(
    workspace: Workspace, project_id: int, config: CompareConfig, *, name: str = "", actor: str
) -> Comparison:
    """Start a comparison; without a name it gets one.

    Raises:
        DataError: fewer than two classes have enough usable samples, and what `start_study` raises.
    """
    return studies.start_study(
        workspace,
        COMPARISON,
        project_id,
        config,
        name=name.strip() or default_name(config),
        check=lambda session: _check_classes(session, project_id),
        actor=actor,
    )


def default_name(config: CompareConfig) -> str:
    """Return what a comparison is called that nobody named."""
    titles = list(dict.fromkeys(METHODS[method].title for method in config.methods))
    return f"{Path(config.backbone).name}: {', '.join(titles)}"[: studies.MAX_NAME_CHARS]


def summarize(comparison: Comparison) -> tuple[MethodSummary, ...]:
    """Return each method over the seeds that are ready, the best mean of the last epoch first."""
    return compare_tables.summarize(comparison.parts, methods_of(comparison))


def methods_of(comparison: Comparison) -> list[str]:
    """Return the methods of a comparison; those that this version does not know are left out."""
    listed = comparison.config.get("methods")
    names = [str(name) for name in listed] if isinstance(listed, list | tuple) else []
    return [name for name in names if name in METHODS]


def sentences(comparison: Comparison) -> list[str]:
    """Say which method is ahead, and what accuracy was measured on; nothing before it is known."""
    found = compare_tables.lead(comparison.parts, methods_of(comparison))
    told = [found] if found else []
    if comparison.summary.get("num_held_out"):
        told.append(compare_tables.measured(comparison.summary))
    return told


def splits(workspace: Workspace, project_id: int) -> dict[str, int]:
    """Return the splits of a project's data with their numbers of samples."""
    with workspace.reading() as session:
        return sample_queries.split_sizes(session, project_id)


def _check_classes(session: Session, project_id: int) -> None:
    counts = sample_queries.usable_classes(session, project_id)
    enough = sum(count >= MIN_CLASS_SIZE for count in counts.values())
    if enough < 2:
        raise DataError(
            f"a comparison needs two classes with {MIN_CLASS_SIZE} usable samples each, "
            f"{enough} have so many: add images"
        )
