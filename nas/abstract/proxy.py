"""Zero-cost proxies: score an untrained network; higher is better."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, final

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
        formula: what is computed, in a line of plain text.
        applies_to: which networks it has a meaning for; others raise ``NotApplicableError``.
        cost: in forward and backward passes of its batch; a forward pass alone is a third.
    """

    batch: int = 64
    needs_data: ClassVar[bool] = True
    needs_targets: ClassVar[bool] = True
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
            value = float(self.compute(network, inputs, targets))
        if not math.isfinite(value):
            raise NonFiniteError(f"{type(self).__name__} gave {value}")
        return value
