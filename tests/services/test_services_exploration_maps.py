"""What the explorer's page draws: columns of a panel's file, and names in the order asked for."""

import numpy as np
import pytest
from exploration_rows import explored

from turn_core.errors import NotFoundError
from turn_core.services import exploration_maps, explorations, samples
from turn_core.store.arrays import load_array


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=36, true=[0, 1, 2] * 12)


def test_column_is_what_the_panels_file_holds(workspace, project_id):
    made = explored(workspace, project_id, num_points=8)
    path = explorations.panel_file(workspace, project_id, made.study_id, 1)
    for name, shape in (("pca", (8, 2)), ("purity", (8,))):
        found = exploration_maps.column(workspace, project_id, made.study_id, 1, name)
        assert found.shape == shape
        np.testing.assert_array_equal(found, load_array(path, name))


@pytest.mark.parametrize(("idx", "name"), [(1, "tsne"), (1, "sample_ids"), (1, "../x"), (7, "pca")])
def test_column_that_is_not_there_is_not_found(workspace, project_id, idx, name):
    made = explored(workspace, project_id)
    with pytest.raises(NotFoundError):
        exploration_maps.column(workspace, project_id, made.study_id, idx, name)


def test_names_come_in_the_order_asked_for(workspace, project_id):
    snapshot = samples.label_snapshot(workspace, project_id)
    wanted = [int(snapshot.sample_ids[place]) for place in (5, 0, 30)]
    found = exploration_maps.names(workspace, project_id, wanted)
    assert [name.file_name for name in found] == [snapshot.file_names[p] for p in (5, 0, 30)]
    assert [name.sha256 for name in found] == [snapshot.sha256s[p] for p in (5, 0, 30)]


def test_names_of_another_project_are_not_told(workspace, project_id, make_project):
    other = samples.label_snapshot(workspace, make_project(name="other")).sample_ids
    with pytest.raises(NotFoundError, match="has no sample"):
        exploration_maps.names(workspace, project_id, [int(other[0])])
