"""What the tables are made of: naming, column types and constraints."""

import json
import math
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Dialect,
    Double,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite gives a number to a row itself only where the column is an INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
# Bytewise order on both engines, so that a page cursor means the same.
Name = Text().with_variant(Text(collation="C"), "postgresql")


def plain_json(value: Any) -> Any:
    """Return the value with every number that is not finite as None (JSON has no NaN)."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value


class JsonText(TypeDecorator[Any]):
    """JSON as text; NaN and infinities are stored as null."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write the value."""
        if value is None:
            return None
        return json.dumps(plain_json(value), ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read the value back."""
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        int: Id,
        str: Text,
        float: Double,
        bool: Boolean,
        dict[str, Any]: JsonText,
    }


def one_of(column: str, values: type[StrEnum] | tuple[str, ...]) -> CheckConstraint:
    """Return the CHECK that allows these texts only; it is named after the column."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def to_class(column: str) -> ForeignKeyConstraint:
    """Return the foreign key of a class column: a class of the same project."""
    return ForeignKeyConstraint(["project_id", column], ["class.project_id", "class.id"])


def seconds(milliseconds: int | None) -> float | None:
    """Return a stored time as Unix seconds."""
    return None if milliseconds is None else milliseconds / 1000
