"""The recurrent controller of B. Zoph, Q. V. Le, ICLR 2017, arXiv:1611.01578."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nas.abstract.space import Space
from nas.seeds import Rng
from nas_strategies.controllers import Controller, drawn

if TYPE_CHECKING:
    import torch

UNITS = 35
INITIAL = 0.08
"""Weights are drawn uniformly from within this distance of 0, as in the paper."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: beside busy workers, several would only wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class LSTM(Controller):
    """Draws each decision by a softmax over what a recurrent network makes of those before it.

    One layer of 35 units (the paper has two). Its input is the value that was drawn last; inactive
    decisions are passed over.

    Args:
        space: whose decisions are drawn.
        rate: step size of Adam.
        entropy: weight of the entropy bonus.
        seed: of the initial weights.
    """

    def __init__(self, space: Space, rate: float, entropy: float, seed: int) -> None:
        import torch

        self._tree, self._entropy = space.tree, entropy
        columns = max(space.tree.offsets[-1], 1)  # torch has no layers without outputs
        make: Any = torch.nn.utils.skip_init  # or torch's global generator would be drawn from
        kind = {"dtype": torch.float64, "device": "cpu"}
        self._embedding = make(torch.nn.Embedding, columns + 1, UNITS, **kind)
        self._cell = make(torch.nn.LSTMCell, UNITS, UNITS, **kind)
        self._head = make(torch.nn.Linear, UNITS, columns, **kind)
        parts = (self._embedding, self._cell, self._head)
        weights = [weight for part in parts for weight in part.parameters()]
        source = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in weights:
                weight.uniform_(-INITIAL, INITIAL, generator=source)
        self._adam = torch.optim.Adam(weights, lr=rate)

    def sample(self, rng: Rng) -> list[int]:
        """Draw the position of each decision's value, -1 where it is inactive."""
        import torch

        with _one_thread(), torch.no_grad():
            return self._unrolled(lambda _, log_p: drawn(log_p.exp().numpy(), rng))

    def learn(self, positions: list[int], advantage: float) -> None:
        """Take one step; see ``Controller``."""
        import torch

        gains: list[torch.Tensor] = []

        def given(decision: int, log_p: torch.Tensor) -> int:
            entropy = -(log_p.exp() * log_p).sum()
            gains.append(advantage * log_p[positions[decision]] + self._entropy * entropy)
            return positions[decision]

        with _one_thread(), torch.enable_grad():
            self._unrolled(given)
            if gains:
                self._adam.zero_grad()
                torch.autograd.backward(-torch.stack(gains).sum())
                self._adam.step()

    def _unrolled(self, choose: Callable[[int, torch.Tensor], int]) -> list[int]:
        """Go through the decisions; ``choose`` by log-probabilities, ``(values,)``."""
        import torch

        offsets = self._tree.offsets
        last, state = offsets[-1], None
        point: dict[str, int] = {}
        for i, decision in enumerate(self._tree.decisions):
            if not self._tree.active(i, point):
                continue
            state = self._cell(self._embedding(torch.tensor([last])), state)
            logits = self._head(state[0])[0, offsets[i] : offsets[i + 1]]
            chosen = choose(i, logits.log_softmax(dim=0))
            point[decision.name] = chosen
            last = offsets[i] + chosen
        return [point.get(decision.name, -1) for decision in self._tree.decisions]
