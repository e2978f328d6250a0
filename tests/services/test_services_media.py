import hashlib
import io

import pytest
from PIL import Image

from turn_core.errors import NotFoundError
from turn_core.services import media, projects, samples
from turn_core.types import SampleState


@pytest.fixture
def stored(workspace):
    """(project, sample id, hash) of one stored image of 300 x 200 pixels without a thumbnail."""
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(out, "PNG")
    sha256 = hashlib.sha256(out.getvalue()).hexdigest()
    blob = workspace.files.blob(sha256)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(out.getvalue())
    new = projects.NewSample("a.png", sha256, 300, 200, SampleState.OK, "cat", 0)
    project_id = projects.create_project(
        workspace, projects.NewProject("one", ("cat",)), [new], actor="ann"
    )
    return project_id, samples.browse(workspace, project_id).items[0].sample_id, sha256


@pytest.mark.parametrize(
    ("path_of", "size"), [(media.thumb_path, (192, 128)), (media.preview_path, (300, 200))]
)
def test_lost_thumbnail_or_preview_is_made_again(workspace, stored, path_of, size):
    project_id, sample_id, _ = stored
    path = path_of(workspace, project_id, sample_id)
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", size)
    made = path.stat().st_mtime_ns
    assert path_of(workspace, project_id, sample_id).stat().st_mtime_ns == made


def test_lost_image_is_told(workspace, stored):
    project_id, sample_id, sha256 = stored
    workspace.files.blob(sha256).unlink()
    with pytest.raises(NotFoundError, match="has no readable image"):
        media.thumb_path(workspace, project_id, sample_id)
