import pytest

from turn_core.errors import ConflictError, DataError, NotFoundError
from turn_core.services import projects, samples, tags


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=6)


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


def test_a_tag_is_made_with_its_first_samples_and_grows(workspace, project_id, ids):
    first = tags.tag_samples(workspace, project_id, " Look again ", [ids[2], ids[0]], actor="ann")
    assert (first.name, first.num_samples, first.created_by) == ("Look again", 2, "ann")
    more = tags.tag_samples(workspace, project_id, "look  AGAIN", [ids[0], ids[4]], actor="bob")
    assert (more.tag_id, more.num_samples) == (first.tag_id, 3)
    assert tags.samples_of_tag(workspace, project_id, first.tag_id) == [ids[0], ids[2], ids[4]]
    assert tags.list_tags(workspace, project_id) == [more]


def test_tags_can_be_taken_back_and_deleted(workspace, project_id, ids):
    tag = tags.tag_samples(workspace, project_id, "odd", ids[:3], actor="ann")
    assert (
        tags.untag_samples(workspace, project_id, tag.tag_id, ids[1:6], actor="ann").num_samples
        == 1
    )
    tags.delete_tag(workspace, project_id, tag.tag_id, actor="ann")
    assert tags.list_tags(workspace, project_id) == []
    with pytest.raises(NotFoundError, match="no tag"):
        tags.samples_of_tag(workspace, project_id, tag.tag_id)


def test_one_stranger_among_the_samples_and_none_is_tagged(workspace, project_id, ids):
    with pytest.raises(NotFoundError, match="nothing was tagged"):
        tags.tag_samples(workspace, project_id, "odd", [*ids, 10**9], actor="ann")
    assert tags.list_tags(workspace, project_id) == []


def test_names_that_look_alike_are_one(workspace, project_id):
    tags.create_tag(workspace, project_id, "Owls", actor="ann")
    with pytest.raises(ConflictError, match="'owls' exists"):
        tags.create_tag(workspace, project_id, "owls", actor="ann")


@pytest.mark.parametrize(
    ("name", "told"), [(" ", "empty"), ("x" * 101, "101 characters"), ("a\x00b", "cannot be shown")]
)
def test_names_that_cannot_be_used_are_refused(workspace, project_id, name, told):
    with pytest.raises(DataError, match=told):
        tags.create_tag(workspace, project_id, name, actor="ann")


def test_a_tag_of_another_project_is_not_seen(workspace, project_id, make_project, ids):
    tag = tags.tag_samples(workspace, project_id, "odd", ids, actor="ann")
    other = make_project("other")
    with pytest.raises(NotFoundError):
        tags.samples_of_tag(workspace, other, tag.tag_id)
    with pytest.raises(NotFoundError):
        tags.delete_tag(workspace, other, tag.tag_id, actor="ann")


def test_many_samples_are_tagged_at_once(workspace, make_project):
    project_id = make_project("many", num_samples=6001)
    ids = samples.label_snapshot(workspace, project_id).sample_ids
    tag = tags.tag_samples(workspace, project_id, "all", ids.tolist(), actor="ann")
    assert tag.num_samples == 6001
    projects.delete_project(workspace, project_id, actor="ann")
