"""Scores of untrained networks by several proxies, on one fixed batch and seeded initial weights.

Scoring is the same wherever it runs: a score depends on the architecture, the proxy, the batch and
the seed, and on nothing that was scored before or beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nas.abstract.dataset import SearchData, Split
from nas.abstract.proxy import Proxy, score_together
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.seeds import derive

if TYPE_CHECKING:
    import torch

Samples = Literal["drawn", "first"]


class ZeroCost:
    """Scores architectures of a space at initialisation.

    Initial weights are seeded by canonical id, so a network scores the same whenever it comes up.
    The proxies share what they can share, and each is given the first ``batch`` samples of one
    batch, so none depends on which others there are.

    Args:
        space: what builds.
        proxies: what scores, by name.
        data: where the batch is taken from; None if no proxy needs any.
        seed: of the batch and the initial weights.
        repeats: initialisations that a score is the mean over.
        samples: ``drawn`` at random from the training samples and normalised by their statistics;
            or the ``first`` of them, of which only images of bytes are normalised.
        device: where networks are scored.
    """

    def __init__(
        self,
        space: Space,
        proxies: Mapping[str, Proxy],
        data: SearchData | None,
        seed: int,
        *,
        repeats: int = 1,
        samples: Samples = "drawn",
        device: str = "cpu",
    ) -> None:
        self._space, self._proxies, self._data, self._seed = space, dict(proxies), data, seed
        self._repeats, self._samples, self._device = repeats, samples, device
        self._batch: tuple[torch.Tensor, torch.Tensor] | None = None
        self._scored: dict[Architecture, dict[str, float | Exception]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What the proxies are called."""
        return tuple(self._proxies)

    def score(self, architecture: Architecture) -> dict[str, float | Exception]:
        """Return each proxy's score, or what it (or building the network) raised."""
        member = self._space.network_of(architecture)
        if member not in self._scored:
            found = self._score(member)
            if self._space.networks is self._space:
                return found
            self._scored[member] = found  # it comes up again, with other hyper-parameters
        return self._scored[member]

    def _score(self, member: Architecture) -> dict[str, float | Exception]:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums, and so scores, depend on the number of threads
        try:
            runs = [self._run(member, repeat) for repeat in range(self._repeats)]
        finally:
            torch.set_num_threads(threads)
        return {name: _mean([run[i] for run in runs]) for i, name in enumerate(self._proxies)}

    def _run(self, member: Architecture, repeat: int) -> Sequence[float | Exception]:
        import torch

        space = self._space.networks
        seed = (self._seed, "proxy", space.canonical_id(member))
        try:
            if self._batch is None:
                self._batch = self._take_batch()
            with torch.random.fork_rng():
                torch.manual_seed(derive(*seed, repeat) if repeat else derive(*seed))
                network = space.build(member).to(self._device)
                return score_together(list(self._proxies.values()), network, *self._batch)
        except Exception as error:  # noqa: BLE001 - building can raise anything
            return [error] * len(self._proxies)

    def _take_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        size = max(proxy.batch for proxy in self._proxies.values())
        if self._data is None or not any(p.needs_data for p in self._proxies.values()):
            inputs = torch.ones((size, *self._space.input_shape))
            targets = torch.zeros(size, dtype=torch.long)
        else:
            train = self._data.train
            drawn = np.arange(len(train))
            if self._samples == "drawn":
                drawn = np.random.default_rng(derive(self._seed, "batch")).permutation(len(train))
            inputs = self._prepared(train, drawn[:size])
            targets = torch.from_numpy(train.targets[drawn[:size]].copy())
        return inputs.to(self._device), targets.to(self._device)

    def _prepared(self, train: Split, chosen: NDArray[Any]) -> torch.Tensor:
        import torch

        from nas.normalise import Normalise

        inputs = torch.from_numpy(train.inputs[chosen])
        if self._samples == "first" and inputs.dtype != torch.uint8:
            return inputs
        normalised: torch.Tensor = Normalise.of(train.inputs)(inputs)
        return normalised


def _mean(scores: Sequence[float | Exception]) -> float | Exception:
    """Return the mean, or what was raised first: a mean over fewer would not compare."""
    values: list[float] = []
    for score in scores:
        if isinstance(score, Exception):
            return score
        values.append(score)
    return math.fsum(values) / len(values)
