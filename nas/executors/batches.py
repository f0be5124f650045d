"""How many jobs travel together, and how many calls a worker has ahead of it."""

from __future__ import annotations

CALL_SECONDS = 0.03
"""Work to put into one call: a call costs about 0.3 ms, so 1 % is Ray's."""
MOST_JOBS = 256
AHEAD_SECONDS = 0.1
"""Work to have on a worker, so that it never waits for us; a longer job has nothing behind it."""
MOST_CALLS = 32


class Batches:
    """Learns how long jobs take: a training job travels alone, cheap ones together."""

    def __init__(self) -> None:
        self._mean: float | None = None

    def learn(self, seconds: float) -> None:
        """Take note of a finished job."""
        self._mean = max(1e-6, seconds if self._mean is None else 0.9 * self._mean + 0.1 * seconds)

    def jobs(self, waiting: int, workers: int) -> int:
        """Return how many jobs to put into the next call; every worker gets its share."""
        if self._mean is None:
            return 1
        fair_share = -(-waiting // max(1, workers))
        return max(1, min(int(CALL_SECONDS / self._mean), fair_share, MOST_JOBS))

    def calls(self, jobs: int) -> int:
        """Return how many calls of so many jobs a worker may have at once."""
        if self._mean is None:
            return 1
        return max(1, min(int(AHEAD_SECONDS / (self._mean * jobs)), MOST_CALLS))
