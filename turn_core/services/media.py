"""Images of samples as files: the thumbnail made at import, the preview made when first seen."""

import threading
from functools import lru_cache
from pathlib import Path

from PIL import Image

from turn_core import images
from turn_core.durable import atomic_write
from turn_core.errors import NotFoundError
from turn_core.services import samples
from turn_core.services.workspace import Workspace

PREVIEW_PX = 1024
_decoding = threading.BoundedSemaphore(2)  # a photograph takes up to 150 MB


def thumb_path(workspace: Workspace, project_id: int, sample_id: int) -> Path:
    """Return the thumbnail of a sample, a WebP file of at most 192 pixels, made where it lacks.

    The import makes them all; after a restore, say, they may be gone.

    Raises:
        NotFoundError: there is no such sample, or its image is not there any more.
        DataError: the stored image is damaged.
        ResourceError: the disk is full.
    """
    sha256 = _sha256(workspace, project_id, sample_id)
    path = workspace.files.thumb(sha256)
    if not path.exists():
        with _decoding:
            image = _decoded(workspace, sha256, sample_id)
            atomic_write(path, images.encode_thumbnail(image))
    return path


def preview_path(workspace: Workspace, project_id: int, sample_id: int) -> Path:
    """Return the preview of a sample, a WebP file of at most 1,024 pixels, made where it lacks.

    Raises:
        NotFoundError: there is no such sample, or its image is not there any more.
        DataError: the stored image is damaged.
        ResourceError: the disk is full.
    """
    sha256 = _sha256(workspace, project_id, sample_id)
    path = workspace.files.preview(sha256)
    if not path.exists():
        with _decoding:
            image = _decoded(workspace, sha256, sample_id)
            small = max(image.size) <= images.LOSSLESS_PX
            scaled = images.thumbnail(image, PREVIEW_PX)
            atomic_write(path, images.encode_webp(scaled, lossless=small))
    return path


def _decoded(workspace: Workspace, sha256: str, sample_id: int) -> Image.Image:
    blob = workspace.files.blob(sha256)
    if not blob.is_file():
        raise NotFoundError(f"sample {sample_id} has no readable image")
    return images.decode(blob.read_bytes(), limits=workspace.settings.limits)


def _sha256(workspace: Workspace, project_id: int, sample_id: int) -> str:
    if not workspace.sees(project_id):
        raise NotFoundError(f"there is no sample {sample_id} in project {project_id}")
    return _remembered(workspace.whole, project_id, sample_id)


@lru_cache(maxsize=100_000)
def _remembered(workspace: Workspace, project_id: int, sample_id: int) -> str:
    # The content of a sample never changes; ids are not given out twice.
    return samples.get_sample(workspace, project_id, sample_id).sha256
