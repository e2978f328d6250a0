"""The formats that an export can have. No heavy imports: the web process lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ExportFormat(StrEnum):
    """What an export writes."""

    CSV = "csv"
    CSV_SPREADSHEET = "csv_spreadsheet"
    JSONL = "jsonl"
    PARQUET = "parquet"
    CLASS_FOLDERS = "class_folders"
    IMAGEFOLDER = "imagefolder"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatInfo:
    """A format as people choose it. `has_schema`: a `schema.json` lies beside the file."""

    format: ExportFormat
    title: str
    description: str
    file_name: str
    media_type: str
    has_images: bool = False
    has_schema: bool = False


_INFOS = (
    FormatInfo(
        format=ExportFormat.CSV,
        title="CSV",
        description="Every label exactly as it is, for programs. Read all columns as text.",
        file_name="labels.csv",
        media_type="text/csv; charset=utf-8",
        has_schema=True,
    ),
    FormatInfo(
        format=ExportFormat.CSV_SPREADSHEET,
        title="CSV for spreadsheets",
        description=(
            "For Excel, Calc and Sheets: texts that a spreadsheet would run as a formula get "
            "a ' in front, and the note column says so. Do not import this one again."
        ),
        file_name="labels-for-spreadsheets.csv",
        media_type="text/csv; charset=utf-8",
        has_schema=True,
    ),
    FormatInfo(
        format=ExportFormat.JSONL,
        title="JSON Lines",
        description="Every label exactly as it is, one JSON object per sample.",
        file_name="labels.jsonl",
        media_type="application/x-ndjson",
        has_schema=True,
    ),
    FormatInfo(
        format=ExportFormat.PARQUET,
        title="Parquet",
        description="Every label exactly as it is, typed and small.",
        file_name="labels.parquet",
        media_type="application/vnd.apache.parquet",
        has_schema=True,
    ),
    FormatInfo(
        format=ExportFormat.CLASS_FOLDERS,
        title="ZIP of class folders",
        description=(
            "The images in one folder per class; labels.csv keeps the original names. "
            "Excluded samples are left out unless asked for."
        ),
        file_name="class-folders.zip",
        media_type="application/zip",
        has_images=True,
    ),
    FormatInfo(
        format=ExportFormat.IMAGEFOLDER,
        title="Hugging Face ImageFolder (ZIP)",
        description=(
            "The images with a metadata.jsonl, as datasets.load_dataset('imagefolder') reads "
            "it. Excluded samples are left out unless asked for."
        ),
        file_name="imagefolder.zip",
        media_type="application/zip",
        has_images=True,
    ),
    FormatInfo(
        format=ExportFormat.MODEL,
        title="Fine-tuned model (ZIP)",
        description="The model of a run as a Hugging Face folder: config, weights, classes.",
        file_name="model.zip",
        media_type="application/zip",
    ),
)


FORMATS: Mapping[ExportFormat, FormatInfo] = {info.format: info for info in _INFOS}
"""Every format, in the order in which people see them."""

IMAGE_FORMATS = frozenset(f for f, info in FORMATS.items() if info.has_images)
"""Formats that carry the images themselves."""
