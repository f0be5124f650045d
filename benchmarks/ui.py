"""How long the pages of `nas ui` take on an archive of many trials.

    python benchmarks/ui.py --trials 100000

Fills an archive with random trials of two and three objectives through the public writer, serves it
and reports what the server takes for each page, and what a browser (Chromium, if it is there) takes
until the first table is readable, until the plot is drawn, and for a zoom of the plot.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nas import Architecture, CurvePoint, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.goals import losses
from nas.study import Study

GOALS = (Goal("error"), Goal("params", unit="parameters"), Goal("latency", unit="s"))
SPACE = ComponentRecord("space", "cells:nas201", {"cells": 1, "channels": 8}, "plugnas", "0.1.0")
EDGES = ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
BATCH = 1_000
REPEATS = 7


def fill(path: Path, trials: int) -> None:
    """Write a study of that many trials."""
    drawn = random.Random(0)
    with Writer.open(path, durable=False) as writer:
        config = {"study": "many", "stop": {"trials": trials}}
        study = writer.study(Study("many", "", GOALS, config, 0, 1), [SPACE])
        for first in range(0, trials, BATCH):
            last = min(first + BATCH, trials)
            writer.record(study, [record(number, drawn) for number in range(first, last)])
        writer.close_session(study, "finished", f"{trials} trials are done")


def record(number: int, drawn: random.Random) -> Record:
    """Return a trial whose objectives pull against each other."""
    chosen = drawn.choices(OPERATIONS, k=len(EDGES))
    size = drawn.lognormvariate(11, 0.8)
    metrics = {
        "error": min(1.0, 0.02 + 200 / size + drawn.expovariate(20)),
        "params": float(round(size)),
        "latency": size * 1e-8 * drawn.lognormvariate(0, 0.3),
        "loss": drawn.expovariate(3),
    }
    trial = Trial(
        number,
        Architecture(zip((f"edge_{edge}" for edge in EDGES), chosen, strict=True)),
        Status.COMPLETE,
        losses(GOALS, metrics),
        metrics=metrics,
        budget=12,
        seconds=drawn.expovariate(0.1),
        parents=(drawn.randrange(number),) if number else (),
    )
    text = "|".join(chosen)
    return Record(trial, f"id{number}", text, curve=(CurvePoint(1, {"error": metrics["error"]}),))


@contextmanager
def served(path: Path) -> Iterator[str]:
    """Run ``nas ui``; yield where its overview is."""
    command = [sys.executable, "-m", "nas", "ui", str(path), "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def timed(action: Callable[[], object]) -> float:
    """Return the median of several goes, in milliseconds; the first does not count."""
    action()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


def fetch(url: str) -> bytes:
    """Return what is at an address."""
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def pages(overview: str, trials: int) -> None:
    """Report what the server takes."""
    study = f"{overview}/studies/1"
    filtered = "?where=error%20%3C%200.1%20AND%20params%20%3C%201e5"
    asked = {
        "overview": overview,
        "progress": f"{overview}/progress",
        "study": study,
        "study, last rows": f"{study}?page={trials // 50}",
        "study, by error": f"{study}?order=metric%3Aerror",
        "study, filtered": study + filtered,
        "points": f"{study}/points",
        "points, filtered": f"{study}/points{filtered}",
        "trial": f"{overview}/trials/{trials // 2}",
        "Datasette's trials_wide": f"{overview.replace('-/nas/', '')}/trials_wide",
    }
    for name, url in asked.items():
        size = len(fetch(url))
        print(f"{name:24} {timed(lambda url=url: fetch(url)):8.1f} ms {size / 1e3:9.1f} kB")


def browser(overview: str) -> None:
    """Report what somebody who looks at it waits for."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        print("no Chromium: nothing said of a browser")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        for visit in ("first visit", "second visit"):
            print(f"{visit}: {json.dumps(look(context.new_page(), overview))}")
        chromium.close()


def look(page: object, overview: str) -> dict[str, float]:
    """Return seconds until the table, and until the plot; of a zoom; and of a filter."""
    began = time.perf_counter()
    page.goto(f"{overview}/studies/1", wait_until="commit")
    page.wait_for_selector("#table tbody tr")
    table = time.perf_counter() - began
    frame = page.frame_locator("#plot")
    frame.locator("#plot[data-drawn]").wait_for(timeout=60_000)
    plot = time.perf_counter() - began
    inner = next(frame for frame in page.frames if frame.url.endswith("/-/frame"))
    zoom = inner.evaluate(
        """async () => {
            const plot = document.getElementById("plot"), times = [];
            const [a, b] = plot.layout.xaxis.range;
            for (let i = 1; i <= 5; i++) {
                const began = performance.now();
                await Plotly.relayout(plot, {"xaxis.range": [a, a + (b - a) / (i + 1)]});
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                times.push(performance.now() - began);
            }
            return times.sort((x, y) => x - y)[2] / 1e3;
        }"""
    )
    drawn = inner.evaluate("Number(document.getElementById('plot').dataset.drawn) / 1e3")
    return {
        "table_s": round(table, 2),
        "plot_s": round(plot, 2),
        "plotly_s": drawn,
        "zoom_s": round(zoom, 2),
    }


def main() -> None:
    """Fill, serve, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--archive", type=Path, help="keep it here, and use it if it is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = asked.archive or Path(folder) / "many.db"
        if not path.exists():
            began = time.perf_counter()
            fill(path, asked.trials)
            print(f"{asked.trials:,} trials written in {time.perf_counter() - began:.1f} s")
        with served(path) as overview:
            pages(overview, asked.trials)
            browser(overview)


if __name__ == "__main__":
    main()
