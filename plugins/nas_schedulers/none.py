"""No scheduling: the line that every scheduler is measured against."""

from __future__ import annotations

from collections.abc import Sequence

from nas.abstract.scheduler import Contest, Course, Decision, Peers, Scheduler, Verdict


class FullBudget(Scheduler):
    """Gives every trial its full budget; it is never asked about one."""

    def start(self, contest: Contest) -> None:
        """Nothing to begin."""

    def levels(self) -> Sequence[int]:
        """Return no level."""
        return ()

    def judge(self, course: Course, peers: Peers) -> Decision:
        """Let every trial go on."""
        return Decision(Verdict.CONTINUE, "every trial has its full budget")
