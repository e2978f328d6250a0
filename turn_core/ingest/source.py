"""Records of an import: where data lie, what was found there, what shall be taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from turn_core.config import from_dict, to_dict
from turn_core.errors import ConfigError, IngestError
from turn_core.ingest.names import is_table, shown
from turn_core.types import RefusedItem


class SourceKind(StrEnum):
    """What a source is as a file."""

    ZIP = "zip"
    FOLDER = "folder"
    PARQUET = "parquet"
    DIGITS = "digits"


class SourceForm(StrEnum):
    """How a source says which label an image has."""

    CLASS_FOLDERS = "class_folders"
    TABLE = "table"
    PARQUET = "parquet"
    DIGITS = "digits"
    CIFAR100 = "cifar100"
    CLOTHING1M = "clothing1m"
    WEBVISION = "webvision"
    WEBVISION_MINI = "webvision_mini"


class Role(StrEnum):
    """What a column of a table is taken for."""

    IMAGE = "image"
    LABEL = "label"
    TRUE_LABEL = "true_label"
    SPLIT = "split"
    OTHER = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """Where data lie: an upload, a path on the server, or the digits of scikit-learn."""

    kind: str
    """One of `SourceKind`."""
    path: str = ""
    """A file or folder on the server; empty for uploads and digits."""
    upload: str = ""
    """Token of a finished upload; empty for everything else."""
    name: str = ""
    """What people call it; the last part of the path where nothing is given."""
    seed: int = 0
    """Seed of the digits' injected noise."""
    noise_rate: float = 0.3
    """Share of the digits that get a wrong label, 0..0.9."""

    def __post_init__(self) -> None:
        if self.kind not in tuple(SourceKind):
            kinds = ", ".join(SourceKind)
            raise ConfigError(f"the kind of a source must be one of {kinds}, got {self.kind!r}")
        if not 0 <= self.noise_rate <= 0.9:
            raise ConfigError(f"noise_rate must be from 0 to 0.9, got {self.noise_rate}")

    @staticmethod
    def at_path(path: str | Path) -> "SourceRef":
        """Return the source at a path of this machine; its kind follows from what lies there.

        Raises:
            IngestError: there is nothing at the path, or only a table.
        """
        path = Path(path).expanduser().absolute()
        if not path.exists():
            raise IngestError(
                f"there is nothing at {shown(str(path))}; give a folder, a ZIP or a Parquet file"
            )
        if path.is_dir():
            kind = SourceKind.FOLDER
        elif path.suffix.lower() == ".parquet":
            kind = SourceKind.PARQUET
        elif is_table(path.name):
            raise IngestError(
                f"{shown(path.name)} is a table without images; give the folder or the ZIP that "
                "holds it together with the images"
            )
        else:
            kind = SourceKind.ZIP
        return SourceRef(kind=kind, path=str(path), name=path.name)

    @property
    def title(self) -> str:
        """The name that sentences use, on one line whatever it holds."""
        return shown(self.name or Path(self.path).name or str(self.kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What shall be imported, as the user confirmed it; columns count where there is a table."""

    source: SourceRef
    form: str
    """One of `SourceForm`."""
    name: str
    """Name of the project to be made."""
    table: str = ""
    """Path of the table inside the source."""
    image_column: str = ""
    label_column: str = ""
    true_label_column: str = ""
    split_column: str = ""

    def __post_init__(self) -> None:
        if self.form not in tuple(SourceForm):
            forms = ", ".join(SourceForm)
            raise ConfigError(f"the form of a source must be one of {forms}, got {self.form!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return to_dict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "ImportPlan":
        """Build a plan from plain values; unknown keys are refused with a ConfigError."""
        return from_dict(ImportPlan, values)


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column of a table, with what it looks like. `samples` are the first few values."""

    name: str
    role: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table of a source; `num_rows` is None where it is too long to be counted at a glance."""

    path: str
    num_rows: int | None
    columns: tuple[ColumnInfo, ...]


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class by its exact name; `count` is None where the labels were not all read."""

    name: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What an inspection found. Nothing was stored; `plan` is a proposal to confirm or change."""

    plan: ImportPlan
    num_images: int
    """Images that would be read; some may still turn out damaged."""
    num_bytes: int
    """Their size, unpacked."""
    num_ignored: int = 0
    """Files that are no images and no tables, such as .DS_Store or README."""
    tables: tuple[TableInfo, ...] = ()
    classes: tuple[ClassCount, ...] = ()
    """The first hundred classes of the proposed label column."""
    num_classes: int | None = None
    splits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: tuple[RefusedItem, ...] = ()
    """The first hundred items that cannot be taken."""
    num_refused: int = 0
    problem: str = ""
    """Why the plan cannot be imported as it stands; empty if it can."""
    forms: tuple[str, ...] = field(default=())
    """The forms that this source can be read as; the plan's is the proposed one."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return to_dict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "SourceReport":
        """Build a report from what `to_dict` gave, also after a way through JSON."""
        known = dict(values)
        known["plan"] = ImportPlan.from_dict(known["plan"])
        known["tables"] = tuple(_table(table) for table in known.get("tables", ()))
        known["classes"] = tuple(ClassCount(**item) for item in known.get("classes", ()))
        known["refused"] = tuple(RefusedItem(**item) for item in known.get("refused", ()))
        for key in ("splits", "warnings", "forms"):
            known[key] = tuple(known.get(key, ()))
        return SourceReport(**known)


@dataclass(frozen=True, slots=True)
class ItemBytes:
    """One image as it comes from a source; labels are the exact texts, None where there is none."""

    file_name: str
    data: bytes
    raw_label: str | None
    true_label: str | None = None
    split: str | None = None
    row_ref: str | None = None


def _table(values: Mapping[str, Any]) -> TableInfo:
    columns = tuple(
        ColumnInfo(c["name"], c["role"], tuple(c["samples"])) for c in values["columns"]
    )
    return TableInfo(values["path"], values["num_rows"], columns)
