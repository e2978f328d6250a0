"""SIGKILL of the web process while decisions arrive: what was acknowledged is there, once."""

import http.client
import json
import random
import signal
import uuid
from pathlib import Path

import pytest
from e2e_helpers import free_port, start_web, stop
from seeding import seed_project, seed_run

from turn_core.services import review, samples

pytestmark = pytest.mark.slow
NUM_DECISIONS = 1000
KILLS = 3


class Script:
    """A program that submits decisions, as the browser does: cookie, header, retry by key."""

    def __init__(self, port: int, project_id: int) -> None:
        self.port, self.project_id = port, project_id
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)

    def open(self) -> None:
        self.connection.close()
        self.connection.request("GET", "/")
        answer = self.connection.getresponse()
        answer.read()
        self.cookie = str(answer.getheader("set-cookie")).split(";")[0]

    def submit(self, decision: dict[str, object]) -> dict[str, object]:
        self.connection.request(
            "POST",
            f"/api/projects/{self.project_id}/decisions",
            json.dumps({"reviewer": "script", "decisions": [decision]}),
            {"Cookie": self.cookie, "X-Turn-Audit": "1", "Content-Type": "application/json"},
        )
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, body
        result: dict[str, object] = body["results"][0]
        return result


def test_no_acknowledged_decision_is_lost_or_doubled(fresh_server, tmp_path: Path):
    workspace = fresh_server.workspace
    project_id = seed_project(workspace, num_samples=NUM_DECISIONS, num_images=4)
    seed_run(workspace, project_id)
    ids = [int(i) for i in samples.label_snapshot(workspace, project_id).sample_ids]
    stop(fresh_server.process)
    port, log = free_port(), tmp_path / "killed.log"
    process = start_web(port, fresh_server.environ, log)
    script = Script(port, project_id)
    script.open()
    kill_at = set(random.Random(7).sample(range(50, NUM_DECISIONS - 50), KILLS))
    acknowledged: dict[str, str] = {}
    try:
        for number, sample_id in enumerate(ids):
            decision = {
                "id": sample_id, "version": 0, "action": "keep", "key": uuid.uuid4().hex
            }  # fmt: skip
            if number in kill_at:
                script.connection.request(  # in flight: its fate is unknown to the script
                    "POST",
                    f"/api/projects/{project_id}/decisions",
                    json.dumps({"reviewer": "script", "decisions": [decision]}),
                    {"Cookie": script.cookie, "X-Turn-Audit": "1"},
                )
                process.send_signal(signal.SIGKILL)
                process.wait()
                process = start_web(port, fresh_server.environ, log)
                script.open()
            acknowledged[str(decision["key"])] = str(script.submit(decision)["outcome"])
    finally:
        script.connection.close()
        stop(process)
    assert set(acknowledged.values()) <= {"saved", "replayed"}
    events = review.ledger(workspace, project_id, limit=2 * NUM_DECISIONS)
    assert [event.sample_id for event in events] == ids
    progress = review.progress(workspace, project_id, 1)
    assert progress.pending == 0
