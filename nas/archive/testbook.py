"""What networks achieved on test splits: a part of an archive that nothing chooses by."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.archive.opening import check_file, open_for_writing
from nas.archive.transactions import Transactions
from nas.closing import Closing
from nas.estimates import Estimate

_ADD = """
INSERT INTO tests (trial, data, metric, value, low, high, method, samples, tested)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trial, data, metric) DO UPDATE SET value = excluded.value, low = excluded.low,
    high = excluded.high, method = excluded.method, samples = excluded.samples,
    tested = excluded.tested"""


@dataclass(frozen=True)
class OnSplit:
    """What one network achieved on one test split.

    Args:
        trial: its id.
        data: fingerprint of the split.
        metrics: by name.
    """

    trial: int
    data: str
    metrics: Mapping[str, Estimate]


class TestBook(Closing):
    """The tests of an archive. It can be written beside a running search.

    Args:
        path: of the archive.

    Raises:
        ArchiveError: the file is no archive, of a newer version, or cannot be written.
    """

    __test__ = False  # pytest takes every class of such a name for one of tests

    def __init__(self, path: str | Path) -> None:
        check_file(Path(path), may_be_new=False)
        self._connection = open_for_writing(Path(path))
        self._transactions = Transactions(Path(path), self._connection)

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self._connection.close()

    def add(self, found: Sequence[OnSplit]) -> dict[str, int]:
        """Write results in one transaction; those that are there already are replaced.

        Returns:
            How many trials have been tested on each of these splits by now, by fingerprint.
        """
        now = time.time()
        rows = [
            (one.trial, one.data, metric, e.value, e.low, e.high, e.method, e.samples, now)
            for one in found
            for metric, e in one.metrics.items()
        ]
        count = "SELECT count(DISTINCT trial) FROM tests WHERE data = ?"
        with self._transactions.begin():
            self._connection.executemany(_ADD, rows)
            return {
                data: int(self._connection.execute(count, (data,)).fetchone()[0])
                for data in dict.fromkeys(one.data for one in found)
            }
