"""A comparison on features brought as a file: no images, no store; cells are files in a folder."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from turn_core.compare_config import METHODS, CompareConfig
from turn_core.config import to_dict
from turn_core.durable import write_json
from turn_core.errors import ConfigError, DataError
from turn_core.experiments import compare_tables
from turn_core.experiments.compare import CompareInputs, run_comparison
from turn_core.experiments.compare_data import choose
from turn_core.experiments.feature_files import as_candidates, read_features
from turn_core.methods.progress import OnEvent
from turn_core.types.comparing import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRequest:
    """Features with labels, and what to run on them; `config.backbone` plays no part.

    Raises:
        ConfigError: a method needs images.
    """

    features: Path
    labels: Path | None
    out: Path
    config: CompareConfig

    def __post_init__(self) -> None:
        needy = [name for name in self.config.methods if METHODS[name].needs_images]
        if needy:
            able = [name for name, info in METHODS.items() if not info.needs_images]
            raise ConfigError(
                f"{', '.join(needy)} needs images; on features alone there are {', '.join(able)}"
            )


def compare_files(
    request: FilesRequest,
    *,
    on_event: OnEvent = lambda event: None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Compare on the files, write the tables into `request.out`, and return the report.

    The same request again goes on at the first cell that is missing.

    Raises:
        DataError: a file cannot be used, or the classes have too few samples.
        ResourceError: the disk is full.
    """
    found = read_features(request.features, request.labels)
    candidates, class_names = as_candidates(found)
    chosen = choose(candidates, request.config)
    assert found.features is not None  # read_features has checked it
    folder = request.out / "work" / _digest(request)
    compared = run_comparison(
        CompareInputs(
            chosen=chosen,
            image_keys=[str(row) for row in chosen.ids],
            work=folder,
            features=np.ascontiguousarray(found.features[chosen.rows]),
        ),
        request.config,
        done=[cell for path in sorted(folder.glob("cell-*.json")) if (cell := _load(path))],
        on_cell=lambda cell: _save(folder, cell),
        on_event=on_event,
        check=check,
    )
    names = compare_tables.write_tables(compared.cells, request.config.methods, request.out)
    rows = compare_tables.summarize(compared.cells, request.config.methods)
    summary = chosen.summary(request.config)
    summary["class_names"] = [class_names[index] for index in chosen.classes]
    return {
        "features": str(request.features),
        "labels": str(request.labels or request.features),
        "config": to_dict(request.config),
        "summary": summary,
        "methods": compare_tables.plain_rows(rows),
        "files": names,
    }


def _digest(request: FilesRequest) -> str:
    """Names what the cells depend on; features that changed are another comparison."""
    stats = [path.stat() for path in (request.features, request.labels) if path is not None]
    what = [to_dict(request.config), [[stat.st_size, stat.st_mtime_ns] for stat in stats]]
    what.append(
        [str(request.features.absolute()), str(request.labels and request.labels.absolute())]
    )
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _save(folder: Path, cell: Cell) -> None:
    write_json(folder / f"cell-{cell.method}-{cell.seed}.json", dataclasses.asdict(cell))


def _load(path: Path) -> Cell:
    try:
        return Cell.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: delete it and run the command again") from error
