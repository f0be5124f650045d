"""Laws of search strategies that pause trials, beside those of all strategies."""

from __future__ import annotations

from nas.testing.law import Inapplicable, law, require
from nas.testing.laws.strategies import any_study, studied, studies
from nas.testing.paper import PaperStudy
from nas.testing.subject import Subject

LONGEST = 200
"""Characters of a reason that still are a line."""


def _paused(subject: Subject) -> PaperStudy:
    """Return a study in which it has paused trials."""
    if not subject.build().pauses:
        raise Inapplicable("it pauses no trials")
    return studied(subject, *any_study(subject))


@law("strategy")
def what_goes_on_waits(subject: Subject) -> None:
    """What is to go on, to be copied or to be replaced is a paused trial, and runs end ahead of it.

    A copy has the network of what it copies. A trial waits from when it is told as paused until
    `resume` returns it, or a proposal that `replaces` it has `begun`.
    """
    _paused(subject)
    for one in studies(subject):
        problems = studied(subject, *one).problems
        require(not problems, "\n  ".join(problems[:1]))


@law("strategy")
def finishes_what_it_began(subject: Subject) -> None:
    """Where nothing new can begin, paused trials go on until each is complete.

    `resume` with `begins` false returns one as long as any waits; else workers stay idle.
    """
    left = [trial for trial in _paused(subject).trials if trial.waits]
    if left:
        first = left[0]
        said = f"trial {first.number} was left at step {len(first.steps)}"
        require(False, f"{len(left)} trials were never finished; {said}")


@law("strategy")
def says_why_one_goes_on(subject: Subject) -> None:
    """Each promotion has a reason, one short line; so has a proposal that replaces a trial.

    The reason is archived, and what `nas show` tells of a trial.
    """
    found = _paused(subject)
    reasons = [promotion.reason for promotion in found.promotions]
    reasons += [p.reason for _, p in found.proposals if p.replaces is not None]
    for reason in reasons:
        line = bool(reason) and "\n" not in reason and len(reason) < LONGEST
        require(line, f"a reason is {reason!r}")
