"""From a key to the next painted card or grid, in Chromium; and what memory it takes.

    make bench NAME=review_latency ARGS="[--samples 10000 100000] [--decisions 200] [--grids 40]
        [--more 800] [--pixels 320]"

For each size it starts the app on an empty home folder, seeds a project with images and scores, and
reviews with the keyboard at the pace of a fast person: single cards, then whole grids of 60 (to the
next grid; and the suggestion taken for 60 at once). A card or grid counts as painted two animation
frames after it was drawn, its images decoded. Then more decisions, for the memory of the browser
and of the web process after about 1,000 of them, and 20 page loads.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app"), str(ROOT / "tests" / "e2e")]

import seeding  # noqa: E402
from e2e_helpers import READY, free_port, start_web, stop  # noqa: E402

from turn_core.config import Settings  # noqa: E402
from turn_core.services import review  # noqa: E402
from turn_core.services.workspace import Workspace, open_workspace  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
PAGES = ("", "data", "runs", "review", "export")
HEAVY = ("torch", "sklearn", "scipy", "transformers", "umap")
BULKS = 10
PAUSE_MS = 250
KEYS = ("q", "w", "q", "1", "e", "2", "n", "s")
WATCH = """() => {
  const deep = (root) => { for (const n of root.querySelectorAll('*')) {
    if (n.matches('.card')) return n;
    if (n.shadowRoot) { const found = deep(n.shadowRoot); if (found) return found; } } };
  const root = deep(document), cells = root.querySelector('.js-cells');
  let pressed = 0;
  window.turnTimes = [];
  window.addEventListener('keydown', () => { pressed = performance.now(); }, true);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const painted = (images) => async () => {
    const start = pressed;
    await Promise.all([...images()].map((image) => image.decode().catch(() => {})));
    await frame(); await frame();
    window.turnTimes.push(performance.now() - start);
  };
  const watch = (node, name, images) => {
    const observer = new MutationObserver((all) => {
      if (all.some((one) => one.oldValue !== node.getAttribute(name))) painted(images)();
    });
    observer.observe(node, { attributes: true, attributeOldValue: true, attributeFilter: [name] });
    return observer;
  };
  const grid = () => cells.querySelectorAll('.cell:not([hidden]) img');
  let watcher;
  window.turnWatch = (mode) => {
    watcher?.disconnect();
    watcher = mode === 'grid' ? watch(cells, 'data-start', grid)
      : watch(root, 'data-position', () => [root.querySelector('.js-image')]);
  };
}"""


def main() -> None:
    arguments = parse()
    figures = {str(size): measure(size, arguments) for size in arguments.samples}
    print(json.dumps(figures, indent=2))
    loaded = [name for found in figures.values() for name in found["pages"]["loaded"]]
    assert not loaded, "the web process must not load what only jobs need"


def measure(size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start the app on a project of this size, review, and count what was recorded."""
    with tempfile.TemporaryDirectory(prefix="turn-latency-") as folder:
        home = Path(folder) / "home"
        workspace = open_workspace(Settings(home=home, database_url=""))
        seconds = time.perf_counter()
        project_id = seed(workspace, size, arguments.pixels)
        print(f"seeded {size} samples in {time.perf_counter() - seconds:.0f} s", file=sys.stderr)
        environ = {**os.environ, "TURN_HOME": str(home), "TURN_DATABASE_URL": ""}
        port = free_port()
        web = start_web(port, environ, Path(folder) / "web.log")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
                )
                url = f"http://127.0.0.1:{port}"
                figures, decided = sit(browser, url, project_id, web.pid, arguments)
                print(json.dumps(figures), file=sys.stderr)
                figures["pages"] = memory(browser, url, web.pid)
                browser.close()
        finally:
            stop(web)
        events = review.ledger(workspace, project_id, limit=decided + 1)
        assert len(events) == decided, "every decision is recorded, once"
        workspace.close()
    return figures


def sit(
    browser: Browser, url: str, project_id: int, pid: int, arguments: argparse.Namespace
) -> tuple[dict[str, Any], int]:
    """Review in one browser page; return the figures and how many decisions were made."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/review?project={project_id}")
    page.wait_for_selector(".card[data-position='0']")
    page.wait_for_timeout(1500)
    page.evaluate(WATCH)
    page.evaluate("() => window.turnWatch('card')")
    figures: dict[str, Any] = {"cards": decide(page, arguments.decisions)}
    start = used(page, pid)
    decide(page, arguments.more)
    figures["memory"] = {
        f"after {arguments.decisions} decisions": start,
        f"after {arguments.decisions + arguments.more} decisions": used(page, pid),
    }
    page.keyboard.press("g")
    page.wait_for_timeout(1500)
    page.evaluate("() => { window.turnTimes = []; window.turnWatch('grid'); }")
    figures["next grid"] = turn(page, ("PageDown",), arguments.grids)
    figures["60 at once"] = turn(page, ("Control+a", "w", "Enter"), BULKS)
    page.close()
    return figures, arguments.decisions + arguments.more + 60 * BULKS


def seed(workspace: Workspace, num_samples: int, pixels: int) -> int:
    """A project of photographs-like noise; 500 different images, the first ones reviewed."""
    rng = np.random.default_rng(0)

    def picture(number: int) -> Image.Image:
        small = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        return Image.fromarray(small).resize((pixels, pixels), Image.Resampling.BICUBIC)

    project_id = seeding.seed_project(
        workspace, num_samples=num_samples, num_images=min(500, num_samples), draw=picture
    )
    seeding.seed_run(workspace, project_id, num_issues=num_samples // 5)
    return project_id


def decide(page: Page, number: int) -> dict[str, float]:
    """Press keys one after the other; return milliseconds from key to painted card."""
    page.evaluate("() => { window.turnTimes = []; }")
    for count in range(number):
        page.keyboard.press(KEYS[count % len(KEYS)])
        page.wait_for_function(f"() => window.turnTimes.length > {count}")
        page.wait_for_timeout(PAUSE_MS)
    return summary(page.evaluate("() => window.turnTimes"))


def turn(page: Page, keys: Sequence[str], number: int) -> dict[str, float]:
    """Press these keys again and again; return milliseconds from the last key to a painted grid."""
    page.evaluate("() => { window.turnTimes = []; }")
    for count in range(number):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_function(f"() => window.turnTimes.length > {count}")
        page.wait_for_timeout(4 * PAUSE_MS)
    return summary(page.evaluate("() => window.turnTimes"))


def used(page: Page, pid: int) -> dict[str, float]:
    """Memory after a garbage collection: of the page's JavaScript, and of the web process."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    nodes = session.send("Memory.getDOMCounters")["nodes"]
    session.detach()
    web = psutil.Process(pid).memory_info().rss
    return {"js_heap_mb": round(heap / 1e6, 1), "dom_nodes": nodes, "web_mb": round(web / 1e6, 1)}


def memory(browser: Browser, url: str, pid: int) -> dict[str, Any]:
    """Load 20 pages, each in a session of its own; measure the web process before and after."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    for number in range(20):
        page: Page = browser.new_page()
        page.goto(f"{url}/{PAGES[number % len(PAGES)]}")
        page.wait_for_selector(READY)
        page.close()
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {
        "rss_mb_before": round(before / 1e6, 1),
        "rss_mb_after_20_page_loads": round(process.memory_info().rss / 1e6, 1),
        "loaded": [name for name in HEAVY if f"site-packages/{name}/" in maps],
    }


def summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "number": len(ordered),
        "median_ms": round(median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * len(ordered))], 1),
        "max_ms": round(ordered[-1], 1),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000])
    parser.add_argument("--decisions", type=int, default=200)
    parser.add_argument("--grids", type=int, default=40)
    parser.add_argument("--more", type=int, default=800)
    parser.add_argument("--pixels", type=int, default=320)
    return parser.parse_args()


if __name__ == "__main__":
    main()
