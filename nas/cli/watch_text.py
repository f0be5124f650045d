"""What a person reads of a running search, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nas.engine.progress import Plan, Progress
from nas.text import count, duration, number, one_line, plain
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from nas.goals import Goal
    from nas.study import Study


def headline(study: Study, plan: Plan) -> str:
    """Return what is searched, and where."""
    parts = [plain(plan.search_space), plain(plan.executor)]
    parts += [f"going on from {count(plan.resumed, 'trial')}"] if plan.resumed else []
    return f"{plain(study.name)}: {'; '.join(parts)}"


def how_far(progress: Progress, plan: Plan | None, seconds: float) -> str:
    """Return such as ``12 of 60 trials after 31.0 s, about 2 min 05 s left``."""
    stop = plan.stop_trials if plan else None
    done = f"{progress.done:,} of {count(stop, 'trial')}" if stop else count(progress.done, "trial")
    if plan and plan.stop_budget and progress.budget is not None:
        done += f", a budget of {progress.budget:,} of {plan.stop_budget:,} spent"
    left = progress.seconds_left
    rest = f", about {duration(left)} left" if left else ""
    after = f", {took(progress)}" if progress.simulated else f" after {duration(seconds)}{rest}"
    return done + after


def rate(a_second: float) -> str:
    """Return such as ``1,234 a second``, ``23.2 a minute`` or ``4.5 an hour``."""
    units = ((1, "a second"), (60, "a minute"), (3600, "an hour"))
    seconds, unit = next((pair for pair in units if a_second * pair[0] >= 1), units[-1])
    shown = a_second * seconds
    return f"{shown:,.0f} {unit}" if shown >= 100 else f"{shown:.1f} {unit}"


def in_flight(progress: Progress) -> str:
    """Return such as ``2 in flight, 23.2 a minute, workers 12 % idle``."""
    pace = f", {rate(progress.rate)}" if progress.rate else ""
    return f"{progress.running:,} in flight{pace}{_idle(progress)}"


def stuck(progress: Progress) -> str:
    """Return why nothing can run."""
    return f"Nothing can run: {one_line(progress.stuck)}"


def details(progress: Progress, stopped: int) -> list[str]:
    """Return, if any: stopped trials, failures by kind, candidates turned away, reuse, incidents.

    Args:
        progress: how far the search is.
        stopped: trials that a scheduler has stopped in this session.
    """
    said = [f"{stopped:,} stopped"] if stopped else []
    if progress.failed:
        said.append(f"{sum(progress.failed.values()):,} failed ({_by_name(progress.failed)})")
    if progress.turned_away:
        turned_away = sum(progress.turned_away.values())
        said.append(f"{turned_away:,} turned away ({_by_name(progress.turned_away)})")
    if progress.reused:
        said.append(f"{progress.reused:,} answered by earlier evaluations")
    if progress.incidents:
        met = count(sum(progress.incidents.values()), "incident")
        said.append(f"{met} of the machines ({_by_name(progress.incidents)})")
    return said


def ending(reason: str, latest: Progress | None, stopped: int = 0) -> str:
    """Return why a session ended, and what it met."""
    met = [*details(latest, stopped), took(latest) + _idle(latest)] if latest else []
    return "; ".join([f"Ended: {one_line(reason)}", *met])


def trial_line(trial: Trial, goals: Sequence[Goal], *, on_front: bool) -> str:
    """Return a finished trial on one line."""
    start = f"trial {trial.id} {trial.status}"
    if trial.status is Status.STOPPED and trial.budget is not None:
        start += f" at budget {trial.budget:,}"
    if trial.failure is not None:
        return f"{start} ({plain(trial.failure.kind)}): {one_line(trial.failure.message)}"
    known = [
        f"{plain(goal.metric)} {number(trial.metrics[goal.metric], plain(goal.unit))}"
        for goal in goals
        if goal.metric in trial.metrics
    ]
    end = ["on the front"] if on_front else ["out of bounds"] if trial.violation > 0 else []
    return f"{start}: {', '.join([*known, duration(trial.seconds), *end])}"


def took(progress: Progress) -> str:
    """Return how long a session has run, in whose time."""
    return f"{'simulated ' * progress.simulated}{duration(progress.seconds)}"


def stopped_now(progress: Progress) -> int:
    """Return how many of the new trials a scheduler has stopped."""
    return sum(trial.status is Status.STOPPED for trial in progress.new)


def _idle(progress: Progress) -> str:
    return "" if progress.idle is None else f", workers {progress.idle * 100:.0f} % idle"


def _by_name(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{plain(name)}: {n:,}" for name, n in sorted(counts.items()))
