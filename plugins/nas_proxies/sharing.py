"""Proxies that share the passes of a batch through a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nas

if TYPE_CHECKING:
    import torch

    from nas_proxies.passes import Passes


class SharingProxy(nas.SharingProxy):
    """Needs nothing but what ``Passes`` computes."""

    @classmethod
    def share(cls, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> Passes:
        """Return the passes, none of which has run yet."""
        from nas_proxies.passes import Passes

        return Passes(network, inputs, targets)
