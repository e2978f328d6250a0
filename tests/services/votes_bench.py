"""A project on which several people vote, for tests."""

from turn_core.services import audits, review, samples
from turn_core.types import Action, DecisionRequest, ReviewSettings


class Bench:
    """Votes of named people on the samples of a project, each with a key of its own."""

    def __init__(self, workspace, project_id, classes):
        self.workspace, self.project_id, self.classes = workspace, project_id, classes
        self.keys = 0

    def settings(self, **values):
        wanted = ReviewSettings(**{"audit_share": 0, **values})
        audits.set_settings(self.workspace, self.project_id, wanted, actor="ann")

    def sample(self, sample_id):
        return samples.get_sample(self.workspace, self.project_id, sample_id)

    def request(self, sample_id, what, **more):
        """`what` is the name of a class, or an action without one."""
        self.keys += 1
        chosen = self.classes.get(what)
        action = Action(what) if chosen is None else Action.RELABEL
        fixed = {"version": self.sample(sample_id).version, "idem_key": f"key {self.keys}"}
        return DecisionRequest(
            **{**fixed, **more}, sample_id=sample_id, action=action, class_id=chosen
        )

    def vote(self, who, sample_id, what, **more):
        request = self.request(sample_id, what, **more)
        return review.record(self.workspace, self.project_id, [request], actor=who)[0]

    def votes(self, who, said):
        """Votes of one person, by sample, in one transaction."""
        requests = [self.request(sample_id, what) for sample_id, what in said.items()]
        return review.record(self.workspace, self.project_id, requests, actor=who)

    def label(self, sample_id):
        """The current class by name, and the review status."""
        names = {class_id: name for name, class_id in self.classes.items()}
        sample = self.sample(sample_id)
        return names[sample.current_class_id], sample.status.value
