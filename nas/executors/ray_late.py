"""Calls that take longer than they should: what they hold back is set free."""

from __future__ import annotations

import time
from collections.abc import Iterator

from nas.executors.jobs import Finished, Job, Outcome
from nas.executors.packing import unpack_outcomes
from nas.executors.ray_mailbox import LATE, Letter, Mailbox
from nas.executors.ray_pool import Call, Pool


class Late:
    """Looks after workers that are stuck in one job while others stand behind it.

    Args:
        pool: the workers.
        name: of the mailbox, as the workers know it.
    """

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool, self._mailbox = pool, Mailbox(name)

    def relieve(self) -> tuple[list[Finished], list[Job]]:
        """Return results that a slow job holds back, and jobs that another worker should take.

        A call that stands behind a late one is called back: its answer, should it ever come, is
        not waited for any more. Results of the late call itself come by the mailbox.
        """
        called_back: list[Call] = []
        for member in self._pool.members:
            calls = list(member.calls.items())
            if not calls or time.time() - calls[0][1].since < LATE:
                continue
            calls[0][1].late = True
            for ref, call in calls[1:]:
                called_back.append(call)
                del member.calls[ref]
            if len(calls) > 1 or len(calls[0][1].jobs) > 1:
                self._mailbox.open()
        if called_back:
            self._mailbox.call_back([call.number for call in called_back])
        finished, untouched = self.read()
        return finished, [*untouched, *(job for call in called_back for job in call.jobs)]

    def read(self) -> tuple[list[Finished], list[Job]]:
        """Open the letters that have come; their calls have less to bring back then."""
        finished: list[Finished] = []
        untouched: list[Job] = []
        calls = {call.number: call for call in self._calls()}
        for letter in self._mailbox.take():
            call = calls.get(letter.call)
            if call is None:  # was given up: what it held runs elsewhere
                continue
            outcomes = unpack_outcomes(letter.outcomes)
            gone = {outcome.number for outcome in outcomes} | set(letter.untouched)
            untouched += [job for job in call.jobs if job.number in letter.untouched]
            call.jobs = [job for job in call.jobs if job.number not in gone]
            finished += [_finished(letter, outcome) for outcome in outcomes]
        return finished, untouched

    def _calls(self) -> Iterator[Call]:
        for member in self._pool.members:
            yield from member.calls.values()


def _finished(letter: Letter, outcome: Outcome) -> Finished:
    if not outcome.weight_bytes:
        return Finished(outcome)
    return Finished(outcome, lambda: letter.weights[outcome.number])
