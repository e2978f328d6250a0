import hashlib

import pytest

from turn_core.errors import DataError, NotFoundError
from turn_core.services import projects, review, samples
from turn_core.types import Action, DecisionRequest, ReviewStatus, SampleState


def names(page):
    return [sample.file_name for sample in page.items]


def test_pages_follow_each_other_without_gap(workspace, make_project):
    project_id = make_project(num_samples=7)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = samples.browse(workspace, project_id, limit=3, after=cursor)
        found, cursor, pages = found + names(page), page.next_cursor, pages + 1
        assert page.total == 7
    assert pages == 3
    assert found == [f"images/{i:05d}.png" for i in range(7)]


def test_file_names_are_ordered_by_their_characters(workspace):
    texts = ["b.png", "a.png", "B.png", "ä.png", "a-1.png", "a/1.png"]
    new = [projects.NewSample(text, "ab" * 32, 1, 1, SampleState.OK, "cat", 0) for text in texts]
    project = projects.NewProject("p", ("cat",))
    project_id = projects.create_project(workspace, project, new, actor="ann")
    assert names(samples.browse(workspace, project_id)) == sorted(texts)
    second = samples.browse(workspace, project_id, limit=2, after="1")
    assert names(second) == ["ä.png"]  # sample 1 is b.png


def test_filters(workspace, make_project):
    project_id = make_project(
        given=[0, 1, None, 1],
        states=[SampleState.OK, SampleState.OK, SampleState.UNLABELLED, SampleState.UNREADABLE],
    )
    dog = projects.classes(workspace, project_id)[1].class_id

    def number(**more):
        page = samples.browse(workspace, project_id, **more)
        assert page.total == len(page.items)
        return page.total

    assert number(class_id=dog) == 2
    assert number(state=SampleState.UNREADABLE) == 1
    assert number(status=ReviewStatus.PENDING) == 4
    assert number(status=ReviewStatus.KEPT) == 0
    assert number(text="0003.PNG") == 1
    assert number(text="%") == 0


def test_order_by_clean_probability(workspace, make_project, make_run):
    project_id = make_project(num_samples=4)
    run = make_run(project_id, clean=[0.9, 0.1, 0.8, 0.2])
    order = {"run_id": run.run_id, "order": "clean_probability"}
    first = samples.browse(workspace, project_id, limit=3, **order)
    assert [s.clean_probability for s in first.items] == [0.1, 0.2, 0.8]
    rest = samples.browse(workspace, project_id, limit=3, after=first.next_cursor, **order)
    assert [s.clean_probability for s in rest.items] == [0.9]
    assert rest.next_cursor is None
    by_name = samples.browse(workspace, project_id, run_id=run.run_id)
    assert [s.clean_probability for s in by_name.items] == [0.9, 0.1, 0.8, 0.2]


def test_what_cannot_be_browsed_is_said(workspace, make_project):
    project_id = make_project()
    with pytest.raises(DataError, match="needs a run"):
        samples.browse(workspace, project_id, order="clean_probability")
    with pytest.raises(DataError, match="page mark"):
        samples.browse(workspace, project_id, after="1 OR 1=1")
    with pytest.raises(NotFoundError, match="no project 77"):
        samples.browse(workspace, 77)


def test_the_snapshot_is_arrays_in_the_order_of_the_ids(workspace, make_project):
    project_id = make_project(given=[0, 2, None], true=[0, 1, None])
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    owl = projects.classes(workspace, project_id)[2].class_id
    decisions = [
        DecisionRequest(
            sample_id=ids[0], version=0, action=Action.RELABEL, class_id=owl, idem_key="a"
        ),
        DecisionRequest(sample_id=ids[1], version=0, action=Action.EXCLUDE, idem_key="b"),
    ]
    review.record(workspace, project_id, decisions, actor="ann")
    labels = samples.label_snapshot(workspace, project_id)
    assert labels.given.tolist() == [0, 2, -1]
    assert labels.current.tolist() == [2, 2, -1]
    assert labels.true.tolist() == [0, 1, -1]
    assert labels.trusted.tolist() == [True, False, False]
    assert labels.excluded.tolist() == [False, True, False]
    assert labels.raw.tolist() == ["cat", "owl", None]
    assert labels.class_names == ("cat", "dog", "owl")
    assert (len(labels), labels.label_rev) == (3, 2)


def test_the_hash_names_the_labels(workspace, make_project):
    project_id = make_project(given=[1, None])
    lines = '["images/00000.png", "dog", "pending"]\n["images/00001.png", null, "pending"]\n'
    before = samples.label_snapshot(workspace, project_id)
    assert before.labels_sha256 == hashlib.sha256(lines.encode()).hexdigest()
    keep = DecisionRequest(
        sample_id=int(before.sample_ids[0]), version=0, action=Action.KEEP, idem_key="a"
    )
    review.record(workspace, project_id, [keep], actor="ann")
    assert samples.label_snapshot(workspace, project_id).labels_sha256 != before.labels_sha256
