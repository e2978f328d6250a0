"""What of a project a study of methods may choose from."""

from turn_core.experiments.study_data import Candidates
from turn_core.services.samples import LabelSnapshot
from turn_core.types import SampleState


def candidates_of(snapshot: LabelSnapshot) -> Candidates:
    """Return all samples; usable are those with an image and a label that nobody excluded."""
    unreadable = snapshot.state == SampleState.UNREADABLE
    return Candidates(
        ids=snapshot.sample_ids,
        labels=snapshot.current,
        true=snapshot.true,
        trusted=snapshot.trusted,
        usable=~unreadable & ~snapshot.excluded & (snapshot.current >= 0),
        split=snapshot.split.tolist(),
        image_keys=snapshot.sha256s.tolist(),
    )
