"""The model of a run as a Hugging Face folder in a ZIP."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

from turn_core.errors import NotFoundError
from turn_core.export.archive import Archive


def write_model(
    folder: Path,
    file: IO[bytes],
    *,
    name: str,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Write every regular file of `folder` below `<name>/`; returns their number.

    Args:
        folder: where training saved the model; links in it are not followed.
        file: an open, seekable binary file.
        name: the folder inside the ZIP, a safe name.
        check: called once a megabyte; what it raises stops the writing.

    Raises:
        NotFoundError: the run has no model.
    """
    files = model_files(folder)
    with Archive(file) as target:
        for path in files:
            with path.open("rb") as source:
                target.add_file(f"{name}/{path.relative_to(folder).as_posix()}", source, check)
    return len(files)


def model_files(folder: Path) -> list[Path]:
    """Return the regular files below `folder`, sorted.

    Raises:
        NotFoundError: there is no `config.json`, so no model was saved.
    """
    if not (folder / "config.json").is_file():
        raise NotFoundError("this run saved no model; train again and export the new run's model")
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
