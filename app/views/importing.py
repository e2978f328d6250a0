"""The import: where the images come from, and what its columns mean."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app import links
from app.components.uploader import Uploaded, uploader
from app.format import count, md_escape, plural, shorten, size
from turn_core.services.imports import (
    ImportPlan,
    ServerSource,
    SourceRef,
    SourceReport,
    TableInfo,
)
from turn_core.types import Job, JobState

FORM_TEXT = {
    "class_folders": "One folder per class",
    "table": "Images with a table of labels",
    "parquet": "Parquet with the images inside",
    "digits": "Handwritten digits",
    "cifar100": "CIFAR-100, python version",
    "clothing1m": "Clothing1M with its key lists",
    "webvision": "WebVision with its file lists",
    "webvision_mini": "WebVision, first 50 classes",
}
_NONE = "– none –"
DEMO, OTHER, BACK = "demo", "other", "back"
Source = Uploaded | SourceRef | str


def choose_source(servers: Sequence[ServerSource], *, max_bytes: int) -> Source | None:
    """Offer upload, server folder and demo; return what was chosen, `DEMO` for the demo."""
    way = st.segmented_control(
        "Where are the images?",
        ["Upload", "Folder on the server", "Demo"],
        default="Upload",
        key="import_way",
    )
    if way == "Folder on the server":
        return _server_source(servers)
    if way == "Demo":
        st.markdown(
            "1,797 handwritten digits of 8 × 8 pixels; 30 % of the labels are replaced by another "
            "class, and the truth is kept beside them, so that you see how well TURN finds them."
        )
        pressed = st.button("Make the demo project", type="primary", key="import_demo")
        return DEMO if pressed else None
    found = uploader(
        api=links.uploads_api(), accept=".zip,.parquet", max_bytes=max_bytes, key="uploader"
    )
    _accepted_forms()
    return found


def _accepted_forms() -> None:
    with st.expander("What can be imported", icon=":material/help:"):
        st.markdown(
            "- **ZIP of class folders**: `cat/001.jpg`, `dog/002.jpg`; the folder is the label.\n"
            "- **ZIP of images with a table** (CSV, JSON Lines or Parquet): one column names the "
            "image, another holds its label. You confirm the columns before anything is stored.\n"
            "- **Parquet** with the images inside, as Hugging Face data sets have it.\n"
            "- **CIFAR-100, Clothing1M and WebVision** as their authors lay them out.\n\n"
            "JPEG, PNG, WebP, BMP, GIF and TIFF. Labels are taken as they are written: `007` stays "
            "`007`, `NA` stays `NA`. Items that cannot be taken are listed with the reason."
        )


def _server_source(servers: Sequence[ServerSource]) -> SourceRef | None:
    if not servers:
        st.info(
            "No folder of this server is open for imports. Set `TURN_DATA_ROOTS` to the folders "
            "that hold your images (several with `:` between), and start the app again.",
            icon=":material/folder_off:",
        )
        return None
    place = st.selectbox(
        "Folder or file",
        range(len(servers)),
        format_func=lambda index: servers[index].title,
        key="import_server",
        help="Everything directly below the folders that TURN_DATA_ROOTS names.",
    )
    pressed = st.button("Look into it", type="primary", key="import_look")
    return servers[place].source if pressed else None


def confirm(report: SourceReport) -> ImportPlan | str | None:
    """Show what an inspection found; return the plan when Import was pressed, or `OTHER`."""
    plan = report.plan
    st.subheader(md_escape(shorten(plan.source.title, 60)))
    ignored = f" {plural(report.num_ignored, 'other file')} ignored." if report.num_ignored else ""
    st.markdown(
        f"{plural(report.num_images, 'image')}, {size(report.num_bytes)}. "
        f"{FORM_TEXT.get(plan.form, plan.form)}.{ignored}"
    )
    name = st.text_input("Project name", plan.name, max_chars=200, key="import_name")
    plan = replace(_columns(report, _form(report)), name=name.strip())
    if plan.form == report.plan.form:  # what was found holds for the form that was proposed
        for warning in report.warnings:
            st.warning(md_escape(warning), icon=":material/warning:")
        classes(report)
    refused(report)
    if report.problem and plan == replace(report.plan, name=plan.name):
        st.error(md_escape(report.problem), icon=":material/error:")
    incomplete = plan.form in ("table", "parquet") and not (plan.label_column and plan.image_column)
    with st.container(horizontal=True):
        pressed = st.button(
            "Import",
            type="primary",
            icon=":material/check:",
            key="import_confirm",
            disabled=not plan.name or incomplete,
            help="Choose the columns of the image and of the label first." if incomplete else None,
        )
        other = st.button("Choose another source", key="import_other")
    return plan if pressed else OTHER if other else None


def _form(report: SourceReport) -> ImportPlan:
    if len(report.forms) < 2:
        return report.plan
    form = st.segmented_control(
        "How are the labels given?",
        report.forms,
        default=report.plan.form,
        format_func=lambda key: FORM_TEXT.get(key, key),
        key="import_form",
    )
    if report.tables and form == "class_folders":
        st.caption(
            "There is a table in this source too: choose “Images with a table of labels” where the "
            "labels stand in one of its columns."
        )
    return replace(report.plan, form=form or report.plan.form)


def _columns(report: SourceReport, plan: ImportPlan) -> ImportPlan:
    """Let the columns of the table be confirmed, each with a few of its values."""
    if plan.form not in ("table", "parquet") or not report.tables:
        return plan
    paths = [table.path for table in report.tables]
    table = report.tables[paths.index(plan.table) if plan.table in paths else 0]
    if len(paths) > 1:
        chosen = st.selectbox("Table", paths, paths.index(table.path), key="import_table")
        table = report.tables[paths.index(chosen)]
    same = table.path == plan.table
    st.caption("Confirm what the columns mean. Nothing is stored before you press Import.")
    first, second, third, fourth = st.columns(4)
    with first:
        image = _column(table, "Image", plan.image_column if same else _role(table, "image"))
    with second:
        label = _column(table, "Label", plan.label_column if same else _role(table, "label"))
    with third:
        truth = _column(
            table, "True label", plan.true_label_column if same else _role(table, "true_label"),
            help_text="Only for measuring, where you know the truth. Never trained on.",
        )  # fmt: skip
    with fourth:
        split = _column(table, "Split", plan.split_column if same else _role(table, "split"))
    _preview(table)
    return replace(
        plan,
        table=table.path,
        image_column=image,
        label_column=label,
        true_label_column=truth,
        split_column=split,
    )


def _role(table: TableInfo, role: str) -> str:
    return next((column.name for column in table.columns if column.role == role), "")


def _column(table: TableInfo, title: str, chosen: str, *, help_text: str | None = None) -> str:
    names = ["", *(column.name for column in table.columns)]
    return st.selectbox(
        title,
        names,
        names.index(chosen) if chosen in names else 0,
        format_func=lambda name: shorten(name, 40) if name else _NONE,
        key=f"import_{title}_{table.path}",
        help=help_text,
    )


def _preview(table: TableInfo) -> None:
    rows = "" if table.num_rows is None else f", {plural(table.num_rows, 'row')}"
    st.caption(md_escape(f"The columns of {shorten(table.path, 60)}{rows}:"))
    st.dataframe(
        {
            "Column": [column.name for column in table.columns],
            "First different values": [" · ".join(column.samples) for column in table.columns],
        },
        hide_index=True,
        width="stretch",
        key=f"import_preview_{table.path}",
    )


def classes(report: SourceReport) -> None:
    """List the classes that were found, the exact names with their counts."""
    if not report.classes:
        return
    total = report.num_classes or len(report.classes)
    with st.expander(
        f"{plural(total, 'class')} found", icon=":material/label:", expanded=total <= 10
    ):
        st.dataframe(
            {
                "Class": [found.name for found in report.classes],
                "Images": [found.count for found in report.classes],
            },
            hide_index=True,
            width="stretch",
            key="import_classes",
        )


def refused(report: SourceReport) -> None:
    """List items that will not be taken, each with its reason."""
    if not report.num_refused:
        return
    with st.expander(f"{count(report.num_refused)} items cannot be taken", icon=":material/block:"):
        refusal_table([(item.name, item.reason) for item in report.refused], key="import_refused")


def after_failure(job: Job, *, has_columns: bool) -> str | None:
    """Offer the ways on after a job that did not do it; return `BACK` or `OTHER`."""
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        return None
    with st.container(horizontal=True):
        back = has_columns and st.button("Back to the columns", key="import_back")
        other = st.button("Choose another source", type="primary", key="import_other")
    return BACK if back else OTHER if other else None


def refusal_table(items: Sequence[tuple[str, str]], *, key: str) -> None:
    """Show names and reasons side by side."""
    st.dataframe(
        {"Item": [name for name, _ in items], "Reason": [reason for _, reason in items]},
        hide_index=True,
        width="stretch",
        key=key,
    )
