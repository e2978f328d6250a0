"""Addresses of our own routes, as pages and components use them."""

from typing import Literal

from app.routes import base_path
from turn_core.types import Sample
from turn_core.types.exploring import Exploration


def project_api(project_id: int) -> str:
    """Return the address below which a project's routes lie."""
    return f"{base_path()}/api/projects/{project_id}"


def uploads_api() -> str:
    """Return the address of the uploads."""
    return f"{base_path()}/api/uploads"


def thumb(project_id: int, sample: Sample) -> str:
    """Return the address of a thumbnail; it names the content, so it may be cached for ever."""
    return f"{project_api(project_id)}/samples/{sample.sample_id}/thumb?v={sample.sha256[:16]}"


def preview(project_id: int, sample: Sample) -> str:
    """Return the address of a preview; it names the content, so it may be cached for ever."""
    return f"{project_api(project_id)}/samples/{sample.sample_id}/preview?v={sample.sha256[:16]}"


def export(project_id: int, export_id: int) -> str:
    """Return the address of a finished export."""
    return f"{project_api(project_id)}/exports/{export_id}"


def ledger(project_id: int, form: Literal["csv", "parquet"]) -> str:
    """Return the address of the ledger as a file."""
    return f"{project_api(project_id)}/ledger.{form}"


def votes(project_id: int, form: Literal["csv", "parquet"]) -> str:
    """Return the address of the votes as a file."""
    return f"{project_api(project_id)}/votes.{form}"


def exploration_file(exploration: Exploration, name: str) -> str:
    """Return the address of a table or figure of a finished exploration."""
    api = project_api(exploration.project_id)
    return f"{api}/explorations/{exploration.study_id}/files/{name}"
