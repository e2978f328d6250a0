"""SIGKILL of the app while a script submits decisions: nothing acknowledged is lost or doubled.

The script sends decisions one by one to the app's own route, as the review page does. At random
moments the app is killed and started again; a decision without an answer is sent again under the
same key, as the page does. At the end every acknowledged decision must be in the ledger, once.

    make bench NAME=kill_web [ARGS="--decisions 1000 --kills 5"]
"""

import argparse
import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

import harness
from sqlalchemy import text

from turn_core.services import demo, review, samples
from turn_core.services.workspace import Workspace

ACTIONS = ("keep", "relabel", "exclude", "needs_review", "skip")


@dataclass
class Client:
    """Submits decisions and remembers which were acknowledged."""

    port: int
    cookie: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    retries: int = 0

    def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"X-Turn-Audit": "1", "Content-Type": "application/json"}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            reply = connection.getresponse()
            if cookie := reply.getheader("Set-Cookie"):
                self.cookie = cookie.split(";")[0]
            return reply.status, reply.read()
        finally:
            connection.close()

    def decide(self, project_id: int, decision: dict[str, object]) -> dict[str, object]:
        """Send a decision until it is answered; the answer."""
        path = f"/api/projects/{project_id}/decisions"
        while True:
            began = time.perf_counter()
            try:
                status, answer = self.request("POST", path, {"decisions": [decision]})
            except (OSError, http.client.HTTPException):
                self.retries += 1
                time.sleep(0.05)
                continue
            if status != 200:
                raise SystemExit(f"the app answered {status}: {answer[:300]!r}")
            self.seconds.append(time.perf_counter() - began)
            result: dict[str, object] = json.loads(answer)["results"][0]
            self.outcomes[str(decision["key"])] = str(result["outcome"])
            return result


def submit(client: Client, workspace: Workspace, project_id: int, count: int, seed: int) -> None:
    """Decide on random samples, each with the version that was seen last."""
    labels = samples.label_snapshot(workspace, project_id)
    ids = labels.sample_ids.tolist()
    versions, draw = dict.fromkeys(ids, 0), random.Random(seed)
    for _ in range(count):
        sample_id = draw.choice(ids)
        action = draw.choice(ACTIONS)
        decision = {
            "id": sample_id,
            "version": versions[sample_id],
            "action": action,
            "key": uuid.UUID(int=draw.getrandbits(128)).hex,
            "class": int(draw.choice(labels.class_ids)) if action == "relabel" else None,
        }
        result = client.decide(project_id, decision)
        versions[sample_id] = int(str(result["version"]))


def check(client: Client, workspace: Workspace, project_id: int) -> str:
    """Compare the acknowledged decisions with the ledger; one line."""
    with workspace.reading() as session:
        stored = Counter(
            row[0] for row in session.execute(text("SELECT idem_key FROM label_event"))
        )
        intact = session.execute(text("PRAGMA integrity_check")).scalar()
    wanted = {key for key, outcome in client.outcomes.items() if outcome != "conflict"}
    lost, doubled = wanted - set(stored), [key for key, count in stored.items() if count > 1]
    unknown = set(stored) - wanted
    num_events = len(review.ledger(workspace, project_id, limit=10**6))
    told = (
        f"{len(wanted)} acknowledged, {num_events} in the ledger, {len(lost)} lost,"
        f" {len(doubled)} doubled, {len(unknown)} never acknowledged, integrity {intact}"
    )
    if lost or doubled or unknown or intact != "ok":
        raise SystemExit(told)
    return told


def main() -> None:
    """Print what was acknowledged and what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"machine: {harness.machine()}", flush=True)
    with harness.temporary_workspace() as workspace:
        worker = harness.start_worker(workspace)
        imported = harness.ended(workspace, demo.start_demo(workspace, "benchmark").job_id)
        harness.kill(worker)
        project_id = int(str((imported.result or {})["project_id"]))
        app = harness.start_app(workspace)
        client = Client(workspace.settings.port)
        client.request("GET", "/")
        work = (client, workspace, project_id, args.decisions, args.seed)
        submitting = threading.Thread(target=submit, args=work)
        submitting.start()
        draw = random.Random(args.seed)
        moments = sorted(draw.sample(range(1, args.decisions), args.kills))
        for moment in moments:
            while len(client.outcomes) < moment and submitting.is_alive():
                time.sleep(0.002)
            time.sleep(draw.uniform(0, 0.05))  # anywhere within a request
            harness.kill(app)
            app = harness.start_app(workspace)
        submitting.join()
        told = check(client, workspace, project_id)
        harness.kill(app)
    ordered = sorted(client.seconds)
    p50, p95 = (ordered[int(share * (len(ordered) - 1))] * 1000 for share in (0.5, 0.95))
    print(f"{len(moments)} kills of the app, {client.retries} requests without an answer")
    print(f"outcomes: {dict(Counter(client.outcomes.values()))}")
    print(told)
    print(f"time to acknowledgement: median {p50:.0f} ms, 95th percentile {p95:.0f} ms")


if __name__ == "__main__":
    main()
