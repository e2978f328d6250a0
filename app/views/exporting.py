"""Exports: which format is for what, the files made so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import links
from app.format import count, html_escape, size, when
from turn_core.services.exports import ExportFormat, FormatInfo
from turn_core.types import Export, Run

_HEAD = ("File", "Format", "Rows", "Size", "Made", "By", "SHA-256")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person chose to export."""

    format: ExportFormat
    include_excluded: bool


_GROUPS = (
    ("Labels", lambda info: not info.has_images and info.format is not ExportFormat.MODEL),
    ("Images with labels", lambda info: info.has_images),
    ("Model", lambda info: info.format is ExportFormat.MODEL),
)


def choose(formats: Mapping[ExportFormat, FormatInfo], run: Run | None) -> Wanted | None:
    """Offer the formats, grouped by what they hold; return one when its button was pressed."""
    wanted = None
    for title, belongs in _GROUPS:
        st.subheader(title)
        with st.container(border=True, gap="small"):
            for info in formats.values():
                if belongs(info) and (chosen := _offer(info, run)) is not None:
                    wanted = chosen
    return wanted


def _offer(info: FormatInfo, run: Run | None) -> Wanted | None:
    text, button = st.columns([5, 1], vertical_alignment="center", gap="medium")
    title, description = html_escape(info.title), html_escape(info.description)
    text.html(f'<div class="turn-offer"><b>{title}</b><p>{description}</p></div>')
    keep = info.has_images and text.checkbox(
        "With excluded images", key=f"export_excluded_{info.format}"
    )
    needs_model = info.format is ExportFormat.MODEL and run is None
    pressed = button.button(
        "Export",
        key=f"export_{info.format}",
        width="stretch",
        disabled=needs_model,
        help="Train a round first: there is no model yet." if needs_model else None,
    )
    return Wanted(info.format, bool(keep)) if pressed else None


def history(
    project_id: int, exports: Sequence[Export], formats: Mapping[ExportFormat, FormatInfo]
) -> None:
    """List finished exports with a link to each; the newest first."""
    titles = {str(name): info.title for name, info in formats.items()}
    rows = "".join(_row(project_id, export, titles) for export in exports)
    head = "".join(f"<th>{title}</th>" for title in _HEAD)
    table = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    st.html(f'<div class="turn-scroll"><table class="turn-table">{table}</table></div>')


def _row(project_id: int, export: Export, titles: Mapping[str, str]) -> str:
    name = html_escape(export.file_name)
    link = f'<a href="{links.export(project_id, export.export_id)}" download="{name}">{name}</a>'
    cells = (
        link,
        html_escape(titles.get(export.format, export.format)),
        count(export.num_rows),
        size(export.num_bytes),
        when(export.created_at),
        html_escape(export.created_by),
        f'<code title="{export.file_sha256}">{export.file_sha256[:12]}</code>',
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
