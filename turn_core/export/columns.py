"""The columns of an exported label table: name, type, meaning, direction.

The order is part of the format: add at the end, never in between. A row is a dict from column
name to a plain value (str, int, float, bool or None); None is "nothing yet" in every format.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Row = Mapping[str, object]
Kind = Literal["integer", "number", "text", "boolean", "time"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `direction` says which end of a score is bad, empty where it is no score."""

    name: str
    kind: Kind
    meaning: str
    direction: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("sample_id", "integer", "Id of the sample in the project it was exported from."),
    Column("file_name", "text", "Name of the image as it was imported."),
    Column("sha256", "text", "SHA-256 of the image file as it was imported."),
    Column("split", "text", "Split of the sample as it was imported."),
    Column("given_label", "text", "Label as delivered, exact text; empty when it had none."),
    Column("label", "text", "Final label: the corrected one where there is one, else the given."),
    Column("corrected_label", "text", "Label a reviewer put, where it is not the given one."),
    Column("action", "text", "Last decision: keep, relabel, exclude, needs_review or none."),
    Column(
        "status",
        "text",
        "State of review: pending, kept, relabeled, excluded, needs_review or skipped.",
    ),
    Column(
        "is_label_issue",
        "boolean",
        "True when the run judged the given label likely wrong: clean_probability <= tau.",
    ),
    Column(
        "label_score",
        "number",
        "Place in the order of review, 0..1: the share of scored samples before this one.",
        "low is bad",
    ),
    Column(
        "clean_probability",
        "number",
        "Posterior probability, 0..1, that the label the run trained on is right.",
        "low is bad",
    ),
    Column("loss", "number", "Cross entropy of that label under the model.", "high is bad"),
    Column("predicted_label", "text", "Class with the highest predicted probability."),
    Column("suggested_label", "text", "Class that the model would put."),
    Column("suggested_label_confidence", "number", "Predicted probability of the suggested label."),
    Column(
        "p_given_label",
        "number",
        "Predicted probability of the label the run trained on.",
        "low is bad",
    ),
    Column("selected_by_turn", "boolean", "True when the last fine-tuning epoch trained on it."),
    Column("near_duplicate_set", "text", "Reserved: set of near duplicates."),
    Column("is_outlier", "boolean", "Reserved: whether the image is unlike all others."),
    Column("annotator", "text", "Who took the last decision."),
    Column("reviewed_at", "time", "When it was taken, UTC (ISO 8601 in text formats)."),
    Column("seconds_spent", "number", "Seconds the reviewer looked at the sample."),
    Column("bulk", "boolean", "True when the decision was one of a batch."),
    Column("num_annotations", "integer", "Reserved: number of reviewers who labelled it."),
    Column(
        "annotator_agreement", "number", "Reserved: share of reviewers who agree.", "low is bad"
    ),
    Column("consensus_label", "text", "Reserved: label that several reviewers agree on."),
    Column("run_id", "integer", "Run that gave the scores; empty where it did not score it."),
    Column(
        "gmm_fallback",
        "text",
        "How the clean probability came about; none is the mixture of the class itself.",
    ),
    Column("tau", "number", "Threshold of the run on the clean probability."),
    Column("note", "text", "What else to know about this row."),
)
"""All columns of a label table, in order; the first is its index."""

COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)


def schema_document(
    *,
    num_rows: int,
    labels_sha256: str,
    project: str,
    run_id: int | None,
    escaped_for_spreadsheets: bool = False,
) -> dict[str, object]:
    """Return the sidecar `schema.json`: what every column means and how to read the file."""
    return {
        "schema_version": SCHEMA_VERSION,
        "project": project,
        "num_rows": num_rows,
        "run_id": run_id,
        "labels_sha256": labels_sha256,
        "index": "sample_id",
        "scores": "label_score (the order of review) and clean_probability: 0..1, low is bad",
        "text": "UTF-8, exact: read text columns as text, so that NA and 007 stay what they are",
        "escaped_for_spreadsheets": escaped_for_spreadsheets,
        "columns": [
            {
                "name": column.name,
                "type": column.kind,
                "meaning": column.meaning,
                **({"direction": column.direction} if column.direction else {}),
            }
            for column in COLUMNS
        ],
    }


def schema_json(document: Mapping[str, object]) -> bytes:
    """Return the sidecar as UTF-8 JSON text."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
