"""The columns of the ledger and of the votes as tables. Their order is part of the format."""

from turn_core.export.columns import Column

LEDGER_COLUMNS: tuple[Column, ...] = (
    Column("event_id", "integer", "Number of the decision; a later one has a higher number."),
    Column("at", "time", "When it was taken, UTC (ISO 8601 in text formats)."),
    Column("actor", "text", "Who took it."),
    Column("action", "text", "keep, relabel, exclude, needs_review, skip or undo."),
    Column("file_name", "text", "Name of the image as it was imported."),
    Column("sample_id", "integer", "Id of the sample in the project."),
    Column("seq", "integer", "Counts the decisions on that sample, from 1."),
    Column("class_name", "text", "Label that the decision left; empty where there is none."),
    Column("previous_class_name", "text", "Label before it; empty where there was none."),
    Column("seconds_spent", "number", "Seconds the reviewer looked at the sample."),
    Column("run_id", "integer", "Run whose queue it came from."),
    Column("queue", "text", "Queue that it came from."),
    Column("bulk", "boolean", "True when the decision was one of a batch."),
    Column("batch_key", "text", "The same for all decisions of a batch."),
    Column("note", "text", "Which texts were changed for spreadsheets."),
)

VOTE_COLUMNS: tuple[Column, ...] = (
    Column("vote_id", "integer", "Number of the vote; a later one has a higher number."),
    Column("at", "time", "When it was cast, UTC (ISO 8601 in text formats)."),
    Column("actor", "text", "Who cast it."),
    Column("action", "text", "keep, relabel, exclude, needs_review, skip or undo."),
    Column("file_name", "text", "Name of the image as it was imported."),
    Column("sample_id", "integer", "Id of the sample in the project."),
    Column("ballot", "integer", "Votes with the same number on a sample are counted together."),
    Column("class_name", "text", "Label that was voted for; empty where there is none."),
    Column("counts", "boolean", "True where it is the vote of its reviewer that stands."),
    Column("is_open", "boolean", "True where others have yet to vote."),
    Column("undoes", "integer", "Vote that this one takes back."),
    Column("seconds_spent", "number", "Seconds the reviewer looked at the sample."),
    Column("run_id", "integer", "Run whose queue it came from."),
    Column("queue", "text", "Queue that it came from."),
    Column("bulk", "boolean", "True when it was one of a batch."),
    Column("batch_key", "text", "The same for all votes of a batch."),
    Column("note", "text", "Which texts were changed for spreadsheets."),
)
"""The columns of the votes as a table, where several reviewers vote on each image."""
