"""``nas status``: who runs a study, what runs where, and if nothing does, why."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, AsJson, StudyName
from nas.text import count, duration, one_line, plain

SHOWN = 10
"""Incidents and running trials that are listed."""


def status(
    archive: ArchivePath = DEFAULT_ARCHIVE, study: StudyName = None, as_json: AsJson = False
) -> None:
    """Show what runs where, what was lost, and why nothing runs."""
    from nas import Archive
    from nas.archive.standing import standing_of
    from nas.cli.output import print_json, stdout

    with Archive(archive) as opened:
        document = standing_of(opened, opened.study(study))
    if as_json:
        print_json(document)
        return
    console = stdout()
    for line in _lines(document):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _lines(document: Mapping[str, Any]) -> list[str]:
    lines = [f"{plain(document['study'])}: {_headline(document)}"]
    trials = [f"{n:,} {name}" for name, n in document["trials"].items() if n]
    if trials:
        lines.append(f"Trials: {', '.join(trials)}")
    if document["failures"]:
        kinds = [f"{plain(kind)}: {n:,}" for kind, n in document["failures"].items()]
        lines.append(f"Failures: {', '.join(kinds)}")
    for step, stage in enumerate(document["stages"], 1):
        values = [f"{plain(name)} {plain(value)}" for name, value in stage.items()]
        lines.append(f"Step {step}: {', '.join(values)}")
    lines.append(f"{count(document['sessions'], 'session')}, {duration(document['seconds'])}")
    if simulated := document["simulated"]:
        lines[-1] += f"; simulated {duration(simulated['seconds'])}{_idle(simulated)}"
    lines += _now(document)
    return lines + _lost(document["incidents"], simulated=simulated is not None)


def _headline(document: Mapping[str, Any]) -> str:
    driver, status = document["driver"], document["status"]
    if status == "running" and driver:
        ago = duration(max(0.0, time.time() - driver["heartbeat"]))
        where = f"process {driver['pid']} on {plain(driver['host'])}"
        return f"running, {where}, last sign of life {ago} ago"
    if status == "killed":
        return "its driver was killed; `nas resume` goes on with it"
    reason = document["reason"]
    return f"{status}: {one_line(reason)}" if reason else str(status)


def _now(document: Mapping[str, Any]) -> list[str]:
    now = document["now"]
    if document["status"] != "running" or not now:
        return []
    running: Sequence[Mapping[str, Any]] = now.get("running", ())
    lines = [f"{count(now['workers'], 'worker')}, {now['waiting']:,} waiting"]
    if now.get("rate"):
        lines[0] += f", {now['rate']:.3g} trials/s"
    lines[0] += _idle(now)
    if now.get("doing"):
        lines.append(one_line(now["doing"]))
    if now.get("stuck"):
        lines.append(f"Nothing can run: {one_line(now['stuck'])}")
    clock = time.time() if now.get("simulated") is None else now["simulated"]
    for job in running[:SHOWN]:
        since = duration(max(0.0, clock - job["since"]))
        lines.append(f"  trial number {job['number']} on {plain(job['worker'])} for {since}")
    if len(running) > SHOWN:
        lines.append(f"  and {len(running) - SHOWN:,} more")
    return lines


def _idle(state: Mapping[str, Any]) -> str:
    return "" if state.get("idle") is None else f", {state['idle']:.0%} idle"


def _lost(incidents: Sequence[Mapping[str, Any]], *, simulated: bool) -> list[str]:
    if not incidents:
        return []
    lines = [f"{count(len(incidents), 'incident')}; what they met has run again or will:"]
    for incident in incidents[-SHOWN:]:
        at = f"after {duration(incident['at'])}" if simulated else _local_time(incident["at"])
        trial = "" if incident["number"] is None else f" (trial number {incident['number']})"
        lines.append(f"  {at} {plain(incident['kind'])}: {one_line(incident['message'])}{trial}")
    return lines


def _local_time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
