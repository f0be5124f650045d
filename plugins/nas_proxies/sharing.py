"""Proxies that share the passes of a batch through a network."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from nas import Proxy

if TYPE_CHECKING:
    import torch

    from nas_proxies.passes import Passes


class SharingProxy(Proxy):
    """Needs nothing but what ``Passes`` computes, which several such proxies can share."""

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score from passes of its own."""
        from nas_proxies.passes import Passes

        return self.compute_from(Passes(network, inputs, targets))

    @abstractmethod
    def compute_from(self, passes: Passes) -> float:
        """Return the score; higher is better."""
