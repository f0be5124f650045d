"""Zero-cost proxies: score an untrained network; higher is better."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, final

from nas.errors import NonFiniteError

if TYPE_CHECKING:
    import torch


class Proxy(ABC):
    """Scores an untrained network (zero-cost proxy).

    An author writes ``compute``; ``score`` is what everyone calls. It hands the network over in
    train mode and puts everything back afterwards, whatever ``compute`` did or raised.

    Attributes:
        batch: samples that a search gives it.
        needs_data: False if it looks at shapes and weights only.
        needs_targets: False if it does not look at what the samples are.
        splits_batch: True if it computes from parts of the batch, so that the order of samples
            counts.
        formula: what is computed, in a line of plain text.
        applies_to: which networks it has a meaning for; others raise ``NotApplicableError``.
        cost: in forward and backward passes of its batch; a forward pass alone is a third.
    """

    batch: int = 64
    needs_data: ClassVar[bool] = True
    needs_targets: ClassVar[bool] = True
    splits_batch: ClassVar[bool] = False
    formula: ClassVar[str] = ""
    applies_to: ClassVar[str] = "any network"
    cost: ClassVar[float] = 1.0

    @abstractmethod
    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; higher is better.

        Args:
            network: at initialisation, in train mode.
            inputs: ``(batch, *input_shape)``, on the network's device.
            targets: ``(batch,)`` class indices.
        """

    @final
    def score(self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Score a network and leave it, the random state and torch's flags as they were.

        Raises:
            NonFiniteError: the score is NaN or infinite.
            NotApplicableError: the proxy has no meaning for this network.
        """
        from nas.restore import untouched

        with untouched(network):
            network.train()
            return _finite(self, self.compute(network, inputs, targets))


class SharingProxy(Proxy):
    """A proxy that computes from something that others compute from as well.

    An author of several such proxies writes ``share`` once, in a common base class, and
    ``compute_from`` for each: where several of them score a network, they share it.
    """

    @classmethod
    @abstractmethod
    def share(cls, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> Any:
        """Return what they compute from, such as passes that run when they are first asked for.

        The arguments are those of ``compute``. It must not depend on which of them asks, or first.
        """

    @abstractmethod
    def compute_from(self, shared: Any) -> float:
        """Return the score; higher is better. Leaves what it is given to the others."""

    @final
    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score."""
        return self.compute_from(self.share(network, inputs, targets))


def score_together(
    proxies: Sequence[Proxy],
    network: torch.nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
) -> list[float | Exception]:
    """Score a network by several proxies, each as by its own ``score``.

    Those that share what they compute from, on batches of one size, compute it once.

    Args:
        proxies: each is given the first ``batch`` samples, or all if there are fewer.
        network: left as it was.
        inputs: ``(samples, *input_shape)``.
        targets: ``(samples,)``.

    Returns:
        For each proxy its score, or what it raised.
    """
    found: dict[int, float | Exception] = {}
    for positions in _families(proxies):
        group = [proxies[i] for i in positions]
        some = slice(0, group[0].batch)
        scores = _score_family(group, network, inputs[some], targets[some])
        found.update(zip(positions, scores, strict=True))
    return [found[i] for i in range(len(proxies))]


def _families(proxies: Sequence[Proxy]) -> Iterable[list[int]]:
    """Return the positions of proxies that share something; others are alone."""
    families: dict[Any, list[int]] = {}
    for i, proxy in enumerate(proxies):
        shared = getattr(proxy.share, "__func__", i) if isinstance(proxy, SharingProxy) else i
        families.setdefault((shared, proxy.batch), []).append(i)
    return families.values()


def _score_family(
    group: Sequence[Proxy], network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
) -> list[float | Exception]:
    from nas.restore import untouched

    first = group[0]
    try:
        with untouched(network):
            network.train()
            if not isinstance(first, SharingProxy):
                return [_caught(first, lambda: first.compute(network, inputs, targets))]
            shared = first.share(network, inputs, targets)
            sharing = [proxy for proxy in group if isinstance(proxy, SharingProxy)]
            return [_caught(p, partial(p.compute_from, shared)) for p in sharing]
    except Exception as error:  # noqa: BLE001 - a proxy or network can raise anything
        return [error] * len(group)


def _caught(proxy: Proxy, compute: Callable[[], float]) -> float | Exception:
    try:
        return _finite(proxy, compute())
    except Exception as error:  # noqa: BLE001 - a proxy or network can raise anything
        return error


def _finite(proxy: Proxy, value: float) -> float:
    value = float(value)
    if not math.isfinite(value):
        raise NonFiniteError(f"{type(proxy).__name__} gave {value}")
    return value
