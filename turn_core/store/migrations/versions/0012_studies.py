"""Explorations and comparisons as studies. Explorations keep their ids, which name their files."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HEAD = "project_id, job_id, name, config, summary, created_at, created_by"
FOUND = ("backbone", "method", "noise_level")


def upgrade() -> None:
    """Make the tables, move the rows, drop the old tables."""
    op.create_table("study",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_study_job_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_study_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("job_id", name=op.f("uq_study_job_id")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_study_project_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_table("study_part",
        sa.Column("study_id", ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id", "study_id"], ["study.project_id", "study.id"], name=op.f("fk_study_part_project_id_study_id")),
        sa.PrimaryKeyConstraint("study_id", "key", name=op.f("pk_study_part")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_study_part_project_id"), "study_part", ["project_id"], unique=False)
    after = last_id("exploration")
    last = after + last_id("comparison")
    for kind, offset in (("exploration", 0), ("comparison", after)):
        op.execute(f"INSERT INTO study (id, kind, {HEAD}) SELECT id + {offset}, '{kind}', {HEAD} FROM {kind}")
    for row in rows("exploration_panel"):
        found = {name: row[name] for name in ("idx", *FOUND)} | {"metrics": json.loads(row["metrics"])}
        found |= {"projections": row["projections"].split(), "ready_at": row["ready_at"] / 1000}
        add_part(row["exploration_id"], str(row["idx"]), row["project_id"], found)
    for row in rows("comparison_cell"):
        found = {name: row[name] for name in ("method", "seed")} | json.loads(row["found"])
        found |= {"ready_at": row["ready_at"] / 1000}
        key = f"{row['method']}/{row['seed']}"
        add_part(row["comparison_id"] + after, key, row["project_id"], found)
    for table in ("comparison_cell", "comparison", "exploration_panel", "exploration"):
        op.drop_table(table)
    start_after("study", last)


def downgrade() -> None:
    """Make the old tables as they were, move the rows back, drop the new tables."""
    old_heads("exploration")
    op.create_table("exploration_panel",
        sa.Column("exploration_id", ID, autoincrement=False, nullable=False),
        sa.Column("idx", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("backbone", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("noise_level", sa.Double(), nullable=True),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("projections", sa.Text(), nullable=False),
        sa.Column("ready_at", ID, nullable=False),
        sa.CheckConstraint("idx >= 0", name=op.f("ck_exploration_panel_idx")),
        sa.CheckConstraint("method IN ('before', 'probe', 'fft', 'turn')", name=op.f("ck_exploration_panel_method")),
        sa.CheckConstraint("noise_level >= 0 AND noise_level <= 1", name=op.f("ck_exploration_panel_noise_level")),
        sa.ForeignKeyConstraint(["project_id", "exploration_id"], ["exploration.project_id", "exploration.id"], name=op.f("fk_exploration_panel_project_id_exploration_id")),
        sa.PrimaryKeyConstraint("exploration_id", "idx", name=op.f("pk_exploration_panel")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_exploration_panel_project_id"), "exploration_panel", ["project_id"], unique=False)
    old_heads("comparison")
    op.create_table("comparison_cell",
        sa.Column("comparison_id", ID, autoincrement=False, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("seed", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("ready_at", ID, nullable=False),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_comparison_cell_seed")),
        sa.ForeignKeyConstraint(["project_id", "comparison_id"], ["comparison.project_id", "comparison.id"], name=op.f("fk_comparison_cell_project_id_comparison_id")),
        sa.PrimaryKeyConstraint("comparison_id", "method", "seed", name=op.f("pk_comparison_cell")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_comparison_cell_project_id"), "comparison_cell", ["project_id"], unique=False)
    kinds = {row["id"]: row["kind"] for row in rows("study")}
    for row in rows("study_part"):
        add_old_part(kinds[row["study_id"]], row, json.loads(row["found"]))
    last = last_id("study")
    op.drop_table("study_part")
    op.drop_table("study")
    for kind in ("exploration", "comparison"):
        start_after(kind, last)


def old_heads(kind: str) -> None:
    """Make a table of studies of one kind, and fill it."""
    op.create_table(kind,
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f(f"fk_{kind}_job_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f(f"fk_{kind}_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{kind}")),
        sa.UniqueConstraint("job_id", name=op.f(f"uq_{kind}_job_id")),
        sa.UniqueConstraint("project_id", "id", name=op.f(f"uq_{kind}_project_id_id")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO {kind} (id, {HEAD}) SELECT id, {HEAD} FROM study WHERE kind = '{kind}'")


def add_old_part(kind: str, row: sa.RowMapping, found: dict[str, object]) -> None:
    """Add a panel or a cell."""
    values = {f"{kind}_id": row["study_id"], "project_id": row["project_id"]}
    values["ready_at"] = round(1000 * found.pop("ready_at"))
    if kind == "exploration":
        values |= {name: found[name] for name in ("idx", *FOUND)}
        values |= {"metrics": as_json(found["metrics"]), "projections": " ".join(found["projections"])}
        insert("exploration_panel", values)
    else:
        values |= {name: found.pop(name) for name in ("method", "seed")}
        insert("comparison_cell", values | {"found": as_json(found)})


def add_part(study_id: int, key: str, project_id: int, found: dict[str, object]) -> None:
    """Add a part of a study."""
    insert("study_part", {"study_id": study_id, "key": key, "project_id": project_id, "found": as_json(found)})


def as_json(value: object) -> str:
    """Write it as the store does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def insert(table: str, values: dict[str, object]) -> None:
    """Add a row."""
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    op.get_bind().execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


def rows(table: str) -> list[sa.RowMapping]:
    """Return all rows of a table."""
    return list(op.get_bind().execute(sa.text(f"SELECT * FROM {table}")).mappings())


def last_id(table: str) -> int:
    """Return the highest id that the table ever gave: none is given again."""
    if op.get_bind().dialect.name == "sqlite":
        query = f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'"
    else:
        query = f"SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {table}_id_seq"
    return op.get_bind().execute(sa.text(query)).scalar() or 0


def start_after(table: str, last: int) -> None:
    """Let the table give ids from `last` + 1 on."""
    run = op.get_bind().exec_driver_sql
    if op.get_bind().dialect.name == "sqlite":
        run(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")
        run(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})")
    else:
        run(f"SELECT setval('{table}_id_seq', {last} + 1, false)")
