"""Exports: which format is for what, the files made so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import links
from app.format import count, html_escape, md_escape, size, when
from turn_core.services.exports import ExportFormat, FormatInfo
from turn_core.types import Export, Run

_HEAD = ("File", "Format", "Rows", "Size", "Made", "By", "SHA-256")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person chose to export."""

    format: ExportFormat
    include_excluded: bool


def choose(formats: Mapping[ExportFormat, FormatInfo], run: Run | None) -> Wanted | None:
    """Offer the formats as cards; return one when its button was pressed."""
    wanted: Wanted | None = None
    with st.grid(3, min_column_width=240):
        for name, info in formats.items():
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{info.title}**")
                st.markdown(md_escape(info.description))
                keep = info.has_images and st.checkbox(
                    "With excluded images", key=f"export_excluded_{name}"
                )
                needs_model = name is ExportFormat.MODEL and run is None
                if st.button(
                    "Export",
                    key=f"export_{name}",
                    disabled=needs_model,
                    help="Train a round first: there is no model yet." if needs_model else None,
                ):
                    wanted = Wanted(name, bool(keep))
    return wanted


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
