"""``nas savings``: what stopping trials has saved, and what it has cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.cli.budgets import full_budget, percent, unit
from nas.cli.options import DEFAULT_ARCHIVE, ArchivePath, AsJson, PluginFiles, StudyName
from nas.text import count, plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.archive.audits import Audited
    from nas.archive.savings import Savings, Spent
    from nas.study import Study

VERDICTS = ("continue", "stop", "pause", "promote", "audit")


def savings(
    archive: ArchivePath = DEFAULT_ARCHIVE,
    study: StudyName = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Show what stopping trials has saved and lost.

    How far trials got, what the scheduler decided at which step, and what became of those that
    were to stop and went on all the same, which nas search --audit has some of them do: only they
    can tell what is lost. --plugin helps where no trial is complete yet.
    """
    from nas import Archive
    from nas.cli.output import print_json
    from nas.cli.savings_output import print_savings

    with Archive(archive) as opened:
        found = opened.study(study)
        known = opened.savings(found, full=full_budget(opened, found, plugin))
        of_steps = unit(opened.state(found).stages)
    if as_json:
        print_json(document(found, known, of_steps))
    else:
        print_savings(found, known, of_steps)


def document(study: Study, known: Savings, of_steps: str) -> dict[str, Any]:
    """Return all of it as plain JSON values."""
    from nas.cli.rows import study_document

    return {
        **study_document(study),
        "scheduler": scheduler_of(study),
        "unit": of_steps,
        "full_budget": known.full,
        "trials": {str(status): n for status, n in known.trials.items()},
        "spent": {str(status): _spent(part) for status, part in known.spent.items()},
        "total": _spent(known.total),
        "decisions": [
            {"step": step, **{verdict: by.get(verdict, 0) for verdict in VERDICTS}}
            for step, by in known.verdicts.items()
        ],
        "audit": _audit(study, known),
    }


def _spent(part: Spent) -> dict[str, Any]:
    return {**asdict(part), "full": None if part.saved is None else part.spent + part.saved}


def _audit(study: Study, known: Savings) -> dict[str, Any]:
    from nas.cli.audit import summarise

    summary = summarise(known.audited)
    return {
        "share": share_of(study),
        "spent": known.audit_spent,
        "trials": summary.trials,
        "ended": summary.ended,
        "lost": summary.lost,
        "lost_low": summary.low,
        "lost_high": summary.high,
        "regret": asdict(summary.regret),
        "regret_of": regret_of(study),
        "behind": asdict(summary.behind),
        "best": summary.best.trial.id if summary.best else None,
        "audited": [_audited(one) for one in known.audited],
    }


def _audited(one: Audited) -> dict[str, Any]:
    trial = one.trial
    about = {"id": trial.id, "number": trial.number, "status": str(trial.status)}
    rest = ("step", "reason", "lost", "regret", "behind")
    return {**about, "metrics": dict(trial.metrics), **{key: getattr(one, key) for key in rest}}


def scheduler_of(study: Study) -> str | None:
    """Return the name of a study's scheduler; None without one."""
    named = study.config.get("scheduler")
    return named.get("name") if isinstance(named, dict) else named


def share_of(study: Study) -> float:
    """Return the share of the trials to stop that the study's config has go on."""
    named = study.config.get("scheduler")
    return float(named.get("audit", 0.0)) if isinstance(named, dict) else 0.0


def regret_of(study: Study) -> str:
    """Return what a regret is a number of."""
    return "hypervolume" if len(study.goals) > 1 else study.goals[0].metric


def line(archive: Archive, study: Study, plugin: Sequence[str] | None) -> str:
    """Return on one line what a scheduler has saved; empty if the study has none."""
    from nas.cli.audit import summarise

    name = scheduler_of(study)
    if name is None:
        return ""
    known = archive.savings(study, full=full_budget(archive, study, plugin))
    said = f"Scheduler {plain(name)}: {saved_text(known, unit(archive.state(study).stages))}"
    summary = summarise(known.audited)
    if not summary.ended:
        return f"{said}; what that lost is not known"
    assert summary.high is not None
    return (
        f"{said}; of {count(summary.ended, 'trial')} to stop that went on, {summary.lost:,} would "
        f"be missing from the front; of all to stop, that may be up to {percent(summary.high)}"
    )


def saved_text(known: Savings, of_steps: str) -> str:
    """Return such as ``88 of 210 epochs spent, 122 saved (58 %)``."""
    total = known.total
    if total.saved is None:
        unknown = "how much is saved cannot be known before a trial is complete"
        return f"{count(total.spent, of_steps)} spent; {unknown}"
    full = total.spent + total.saved
    share = f" ({percent(total.saved / full)})" if full else ""
    return f"{total.spent:,} of {count(full, of_steps)} spent, {total.saved:,} saved{share}"
