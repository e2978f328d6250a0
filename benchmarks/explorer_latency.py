"""From a lasso to the linked selection, in Chromium, on six maps of 10,000 points; bytes, memory.

    make bench NAME=explorer_latency ARGS="[--points 10000] [--lassos 60]"

It starts the app on an empty home folder, seeds a project with an exploration of two backbones
(before, and after fine-tuning at two noise levels), and draws lassos of all sizes. The selection
counts as shown two animation frames after all maps were painted, and as listed two frames after
its first 40 images stand below them. Traffic is that of the browser during the lassos: it fetches
thumbnails not shown before. The processor time of the main thread, from releasing the button to the
selection shown, and per lasso with its 40 moves of the mouse, says what a busy machine's times
hide. Memory is that of the page's process, and its JavaScript heap.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import CDPSession, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app"), str(ROOT / "tests" / "e2e")]

import harness  # noqa: E402
import seeding  # noqa: E402
import seeding_maps  # noqa: E402
from e2e_helpers import free_port, start_web, stop  # noqa: E402

from turn_core.config import Settings  # noqa: E402
from turn_core.services.workspace import Workspace, open_workspace  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
CLASSES = tuple(f"class {number}" for number in range(10))
WATCH = """() => {
  const deep = (root) => { for (const n of root.querySelectorAll('*')) {
    if (n.matches('.explorer')) return n;
    if (n.shadowRoot) { const found = deep(n.shadowRoot); if (found) return found; } } };
  const root = deep(document);
  const released = { painted: 0, listed: 0 };
  window.turnTimes = { painted: [], listed: [] };
  root.addEventListener('pointerup', () => {
    released.painted = released.listed = performance.now();
  }, true);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const watch = (name) => new MutationObserver(async () => {
    const start = released[name];
    released[name] = 0;
    await frame(); await frame();
    if (start) window.turnTimes[name].push(performance.now() - start);
  }).observe(root, { attributes: true, attributeFilter: [`data-${name}`] });
  watch('painted'); watch('listed');
}"""
SLIDE = """async () => {
  const deep = (root) => { for (const n of root.querySelectorAll('*')) {
    if (n.matches('.explorer')) return n;
    if (n.shadowRoot) { const found = deep(n.shadowRoot); if (found) return found; } } };
  const slider = deep(document).querySelector('.js-share');
  const times = [];
  for (let at = 0; at <= 60; at += 1) {
    const start = performance.now();
    slider.value = at; slider.dispatchEvent(new Event('input'));
    await new Promise((done) => requestAnimationFrame(done));
    await new Promise((done) => requestAnimationFrame(done));
    times.push(performance.now() - start);
  }
  return times;
}"""

ZOOM = """async () => {
  const deep = (root) => { for (const n of root.querySelectorAll('*')) {
    if (n.matches('.explorer')) return n;
    if (n.shadowRoot) { const found = deep(n.shadowRoot); if (found) return found; } } };
  const field = deep(document).querySelector('[data-panel] .field');
  const box = field.getBoundingClientRect();
  const [clientX, clientY] = [box.left + 0.4 * box.width, box.top + 0.4 * box.height];
  const times = [];
  for (let at = 0; at < 60; at += 1) {
    const start = performance.now();
    const turn = { ctrlKey: true, deltaY: at < 30 ? -20 : 20, clientX, clientY, cancelable: true };
    field.dispatchEvent(new WheelEvent('wheel', turn));
    await new Promise((done) => requestAnimationFrame(done));
    await new Promise((done) => requestAnimationFrame(done));
    times.push(performance.now() - start);
  }
  return times;
}"""


class Traffic:
    """Bytes over the network and the socket, counted by the browser itself."""

    def __init__(self, session: CDPSession) -> None:
        self.sent, self.received, self.requests = 0, 0, 0
        session.send("Network.enable")
        session.on("Network.webSocketFrameSent", lambda event: self._frame(event, sent=True))
        session.on("Network.webSocketFrameReceived", lambda event: self._frame(event, sent=False))
        session.on("Network.loadingFinished", self._loaded)
        session.on("Network.requestWillBeSent", self._asked)

    def _frame(self, event: Any, *, sent: bool) -> None:
        size = len(event["response"]["payloadData"])
        self.sent += size if sent else 0
        self.received += 0 if sent else size

    def _loaded(self, event: Any) -> None:
        self.received += int(event.get("encodedDataLength", 0))

    def _asked(self, event: Any) -> None:
        self.requests += 1
        self.sent += len(str(event["request"].get("postData", "")))

    def take(self) -> dict[str, int]:
        """What passed since the last call."""
        found = {"sent": self.sent, "received": self.received, "requests": self.requests}
        self.sent, self.received, self.requests = 0, 0, 0
        return found


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="turn-explorer-") as folder:
        home = Path(folder) / "home"
        workspace = open_workspace(Settings(home=home, database_url=""))
        project_id = seed(workspace, arguments.points)
        environ = {**os.environ, "TURN_HOME": str(home), "TURN_DATABASE_URL": ""}
        port = free_port()
        web = start_web(port, environ, Path(folder) / "web.log")
        try:
            url = f"http://127.0.0.1:{port}/explore?project={project_id}"
            figures = measure(url, arguments.lassos, arguments.points)
        finally:
            stop(web)
            workspace.close()
    print(harness.machine())
    print(json.dumps(figures, indent=2))


def seed(workspace: Workspace, number: int) -> int:
    """A project of `number` samples, scored, with six maps of all of them."""
    rng = np.random.default_rng(0)

    def picture(_: int) -> Image.Image:
        small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        return Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)

    project_id = seeding.seed_project(
        workspace, num_samples=number, class_names=CLASSES, num_images=500, draw=picture
    )
    seeding.seed_run(workspace, project_id, num_issues=number // 5)
    seeding_maps.seed_exploration(workspace, project_id, backbones=("turn-mini", "deit-tiny"))
    return project_id


def measure(url: str, lassos: int, points: int) -> dict[str, Any]:
    """Open the page, lasso, slide, and look at bytes and memory."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1800})
        session = page.context.new_cdp_session(page)
        traffic = Traffic(session)
        started = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(".explorer[data-shown^=tsne][data-painted]", timeout=120_000)
        opened = time.perf_counter() - started
        page.wait_for_timeout(2000)
        loading = traffic.take()
        page.evaluate(WATCH)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = counters(session)
        times, selected, used = draw(page, session, lassos)
        page.wait_for_timeout(2500)
        busy = counters(session)["TaskDuration"] - before["TaskDuration"]
        spent = traffic.take()
        slides, zooms = page.evaluate(SLIDE), page.evaluate(ZOOM)
        found = {
            "maps": page.locator("[data-panel]").count(),
            "points_per_map": points,
            "page_opened_s": round(opened, 1),
            "traffic_to_open": loading,
            "lasso_to_selection_ms": summary(times["painted"]),
            "lasso_to_list_ms": summary(times["listed"]),
            "main_thread_cpu_ms_from_release_to_shown": summary(used),
            "main_thread_cpu_ms_per_lasso": round(1000 * busy / lassos, 1),
            "selected_at_most": max(selected),
            "traffic_per_lasso": {name: round(size / lassos, 1) for name, size in spent.items()},
            "slider_step_ms": summary(slides),
            "zoom_step_ms": summary(zooms),
            "memory": memory(session),
        }
        browser.close()
    return found


def draw(
    page: Page, session: CDPSession, number: int
) -> tuple[dict[str, list[float]], list[int], list[float]]:
    """Draw lassos in turn on all maps, from small to a third of a map across.

    Returns the times by name, how many samples each selected, and the processor time of each.
    """
    rng = np.random.default_rng(1)
    fields = page.locator("[data-panel] .field")
    boxes = [fields.nth(place).bounding_box() for place in range(fields.count())]
    selected, used = [], []
    for count in range(number):
        box = boxes[count % len(boxes)]
        assert box is not None
        radius = (0.06 + 0.3 * rng.random()) * box["height"]
        x, y = (box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
        angles = np.linspace(0, 2 * np.pi, 40)
        x, y = x + rng.normal(0, 0.1) * box["width"], y + rng.normal(0, 0.1) * box["height"]
        page.mouse.move(x + radius, y)
        page.mouse.down()
        for angle in angles[1:]:
            page.mouse.move(x + radius * np.cos(angle), y + radius * np.sin(angle))
        before = counters(session)["TaskDuration"]
        page.mouse.up()
        wait_for(page, "painted", count)
        used.append(1000 * (counters(session)["TaskDuration"] - before))
        wait_for(page, "listed", count)
        selected.append(int(page.locator(".explorer").get_attribute("data-selected") or 0))
    times: dict[str, list[float]] = page.evaluate("() => window.turnTimes")
    return times, selected, used


def wait_for(page: Page, name: str, count: int) -> None:
    """Wait until so many lassos were seen; asking at each frame would make frames."""
    seen = f"() => window.turnTimes.{name}.length > {count}"
    page.wait_for_function(seen, timeout=60_000, polling=20)


def counters(session: CDPSession) -> dict[str, float]:
    """What the page's main thread has used so far; durations are processor time."""
    found = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in found}


def memory(session: CDPSession) -> dict[str, float]:
    """Megabytes of the page's process (not shared with others), and of the JavaScript heap."""
    session.send("HeapProfiler.collectGarbage")
    pages = [
        child.memory_full_info().uss
        for child in psutil.Process().children(recursive=True)
        if "--type=renderer" in child.cmdline()
    ]
    return {
        "page_process_mb": round(max(pages) / 1e6, 1),
        "javascript_heap_mb": round(counters(session)["JSHeapUsedSize"] / 1e6, 1),
    }


def summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "number": len(ordered),
        "median": round(median(ordered), 1),
        "p95": round(ordered[int(0.95 * len(ordered))], 1),
        "max": round(ordered[-1], 1),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--lassos", type=int, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    main()
