"""Sends from a thread of its own: a slow or dead server never holds a search up."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

MOST = 100_000
"""Items that wait for a server; the oldest of more are dropped."""
AT_ONCE = 200
"""Items that are sent together."""
PAUSES = (1.0, 60.0)
"""Seconds between two attempts, the first and the longest; each is twice the one before."""
PATIENCE = 10.0
"""Seconds for what is left when a search ends."""

Item = TypeVar("Item")


class Sender(threading.Thread, Generic[Item]):
    """Sends items in their order, again and again until it works.

    What cannot be sent is told twice at most: when it begins, and how many when the search ends.

    Args:
        name: of the server, for people.
        send: sends items; what it raises makes it be called again with the same items.
    """

    def __init__(self, name: str, send: Callable[[Sequence[Item]], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._send = send
        self._items: deque[Item] = deque()
        self._batch: list[Item] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._dropped = 0
        self._told = False

    def put(self, item: Item) -> None:
        """Let an item be sent soon; returns at once."""
        with self._changed:
            if len(self._items) >= MOST:
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            self._changed.notify()

    def close(self) -> None:
        """Send what is left, as far as that goes, and say what did not."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self.join(PATIENCE)
        with self._changed:
            unsent = self._dropped + len(self._batch) + len(self._items)
        if unsent:
            log.warning("%s was not told of %d events; the archive has all", self.name, unsent)

    def run(self) -> None:
        """Send until closed."""
        while self._take():
            pause = PAUSES[0]
            while not self._sent():
                if self._closing.wait(pause):
                    return
                pause = min(2 * pause, PAUSES[1])

    def _take(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing.is_set())
            self._batch = [self._items.popleft() for _ in range(min(AT_ONCE, len(self._items)))]
            return bool(self._batch)

    def _sent(self) -> bool:
        try:
            self._send(self._batch)
        except Exception as error:  # noqa: BLE001 - a library can raise anything
            self._tell(error)
            return False
        self._batch = []
        return True

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            log.warning("%s does not answer, the search goes on: %s", self.name, error)
