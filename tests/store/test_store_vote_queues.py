"""Votes of a database from before queues had numbers of their own."""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from turn_core.services import audits, review, samples
from turn_core.store.migrate import SCRIPTS
from turn_core.types import Action, DecisionRequest, ReviewSettings


def test_votes_of_an_older_database_get_their_queues(workspace, make_project):
    project_id = make_project(num_samples=2)
    settings = ReviewSettings(audit_share=0, overlap=3)
    audits.set_settings(workspace, project_id, settings, actor="ann")
    sample_id = int(samples.label_snapshot(workspace, project_id).sample_ids[0])
    for who, queue in (("ann", "audit"), ("ann", "tag"), ("ben", "pair")):
        keep = DecisionRequest(
            sample_id=sample_id, version=0, action=Action.KEEP, idem_key=queue, queue=queue
        )
        review.record(workspace, project_id, [keep], actor=who)
    query = text("SELECT reviewer, queue FROM standing_vote ORDER BY reviewer")
    with (
        workspace.engine.begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        script = ScriptDirectory(str(SCRIPTS)).get_revision("0011").module
        script.downgrade()
        script.upgrade()
        assert connection.execute(query).all() == [("ann", "tag"), ("ben", "pair")]
