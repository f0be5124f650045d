"""The workers: one actor for each evaluation that fits, on nodes that come and go."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: TID253 - as above

from nas.errors import StudyError
from nas.executors import ray_cluster
from nas.executors.jobs import Job
from nas.executors.protocol import Running
from nas.executors.ray_cluster import Needs, Node
from nas.executors.ray_gate import WorkerActor
from nas.executors.ray_hello import Hello
from nas.incident import Incident

REFRESH = 2.0
"""Seconds between two looks at which nodes there are."""
SHOWN = 100
"""Running trials that are listed for people."""
UNREACHABLE = 10.0
"""Seconds without an answer from the cluster's head after which a session ends."""


@dataclass
class Call:
    """Jobs that a worker has.

    Args:
        number: of the call.
        jobs: in the order in which they are evaluated.
        weights: reference to the trained weights of all of them; None if they come along.
        alone: whether the worker has nothing else, before or behind it.
        since: Unix time at which it was sent.
        deadline: monotonic time at which it has taken too long, or None.
        late: whether it takes longer than its jobs usually do; nothing is put behind it.
    """

    number: int
    jobs: list[Job]
    weights: Any
    alone: bool
    since: float
    deadline: float | None
    late: bool = False


@dataclass(eq=False)
class Member:
    """One worker of the pool; it is sent nothing before it has said hello.

    Args:
        actor: Ray's handle.
        node: where it was put.
        hello: reference to what it says when it is ready.
        where: machine and process, once it is ready.
        calls: what it has, by reference to the outcomes.
    """

    actor: Any
    node: Node
    hello: Any
    where: str = ""
    calls: dict[Any, Call] = field(default_factory=dict)

    @property
    def awaited(self) -> list[Any]:
        """References that are ready when it has something to say."""
        return list(self.calls) if self.where else [self.hello]

    def takes(self, window: int) -> bool:
        """Tell whether it can be sent a call; with a window of 1, only one that it has alone."""
        if not self.where or len(self.calls) >= window:
            return False
        return not any(call.alone or call.late for call in self.calls.values())


class Pool:
    """Keeps as many workers as fit into the cluster as it is now.

    Args:
        needs: what one worker occupies.
        most: at most so many workers; None is as many as fit.
        arguments: of the actors.
        incident: is told of nodes that were lost, refused or joined by a stranger's version.

    Raises:
        StudyError: not a single evaluation fits.
    """

    def __init__(
        self,
        needs: Needs,
        most: int | None,
        arguments: tuple[Any, ...],
        incident: Callable[[Incident], None],
    ) -> None:
        self._needs, self._most, self._arguments = needs, most, arguments
        self._incident = incident
        self._refused: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}
        self._looked = self._answered = time.monotonic()
        self._head = ray_cluster.head()
        self.members: list[Member] = []
        self.stuck = ""
        self._look()
        if not self.members:
            raise StudyError(self.stuck)

    def refresh(self) -> None:
        """Every now and then, see which nodes there are, and fill the new ones with workers.

        Raises:
            StudyError: the head of the cluster cannot be reached any more.
        """
        now = time.monotonic()
        if now - self._looked < REFRESH:
            return
        self._looked = now
        try:
            ray_cluster.knock(self._head)
        except OSError as error:
            if now - self._answered > UNREACHABLE:
                raise StudyError(
                    f"the Ray cluster at {self._head} cannot be reached any more ({error}); all "
                    "finished trials are in the archive: go on when the cluster is there again"
                ) from None
            return
        self._answered = now
        self._look()

    def alive(self, node: Node) -> bool:
        """Tell whether a node still belongs to the cluster."""
        return any(node.id == living.id for living in ray_cluster.nodes(self._needs))

    def lost(self, member: Member) -> None:
        """Forget a worker that has died, and start another where there is room."""
        self.members.remove(member)
        self._look()

    def kill(self, member: Member) -> None:
        """End a worker's process, whatever it is doing, and start another."""
        ray.kill(member.actor)
        self.lost(member)

    def refuse(self, member: Member, hello: Hello) -> None:
        """Give no work to a node that cannot do it.

        Raises:
            StudyError: no other node is left.
        """
        kind = "version" if hello.versions else "worker"
        message = f"node {member.node.host} is left out: {hello.problem}"
        if member.node.id not in self._refused:
            self._refused[member.node.id] = message
            self._incident(Incident(time.time(), kind, message.splitlines()[-1], None, hello.where))
        self.kill(member)
        if not self.members:
            raise StudyError(f"no worker could start: {'; '.join(self._refused.values())}")

    def running(self) -> tuple[Running, ...]:
        """Return what workers have, the first of it, for people."""
        found = (
            Running(job.number, member.where, call.since)
            for member in self.members
            for call in member.calls.values()
            for job in call.jobs
        )
        return tuple(islice(found, SHOWN))

    def stop(self) -> None:
        """Kill all workers with what they run."""
        for member in self.members:
            ray.kill(member.actor)
        self.members = []

    def _look(self) -> None:
        found = ray_cluster.nodes(self._needs)
        living = [node for node in found if node.id not in self._refused]
        for node in set(self._nodes.values()) - set(found):
            self._incident(Incident(time.time(), "node", f"node {node.host} was lost"))
        self._nodes = {node.id: node for node in found}
        self._fill(living)
        self.stuck = "" if self.members else self._why_stuck(found)

    def _fill(self, living: list[Node]) -> None:
        taken = Counter(member.node.id for member in self.members)
        for node in living:
            for _ in range(node.slots - taken[node.id]):
                if self._most is not None and len(self.members) >= self._most:
                    return
                self.members.append(self._start(node))

    def _start(self, node: Node) -> Member:
        options = {
            **self._needs.options(),
            # Ray's own record of every call grows without end
            "enable_task_events": False,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node.id, soft=False),
        }
        actor = WorkerActor.options(**options).remote(*self._arguments)  # type: ignore[attr-defined]
        return Member(actor, node, actor.hello.remote())

    def _why_stuck(self, found: list[Node]) -> str:
        if found and all(node.id in self._refused for node in found):
            return "; ".join(self._refused[node.id] for node in found)
        return ray_cluster.shortage(self._needs, found)
