"""Proxies from which ReLUs are active for which samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas import NonFiniteError, checks
from nas_proxies.sharing import SharingProxy

if TYPE_CHECKING:
    from nas_proxies.passes import Passes


@dataclass(frozen=True)
class NASWOT(SharingProxy):
    """How differently samples activate ReLUs (Mellor et al., ICML 2021, arXiv:2006.04647).

    ``log |det K|``, where ``K[i, j]`` counts the units whose ReLU treats samples ``i``
    and ``j`` alike: both above 0, or neither. Units that the outputs do not depend on are left out,
    as in the authors' code; unlike there, a ReLU counts however it is called, and so do ``relu6``,
    ``leaky_relu`` and ``prelu``. Other activations have no such code.

    Args:
        batch: samples that a search gives it. The authors use 128; with 64 it shares the passes of
            other proxies.
    """

    needs_targets = False
    formula = "log |det K|, K[i, j] being how many ReLUs treat samples i and j alike"
    applies_to = "networks that call a ReLU which the outputs depend on"
    cost = 2 / 3  # the way back finds out what outputs depend on

    batch: int = 64

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)

    def compute_from(self, passes: Passes) -> float:
        """Return the score.

        Raises:
            NotApplicableError: there is no ReLU.
            NonFiniteError: two samples activate the same ReLUs, or values are not finite.
        """
        kernel = np.zeros((passes.samples, passes.samples))
        for codes in passes.codes:
            on = codes.float()
            alike = on @ on.T + (1 - on) @ (1 - on).T  # whole numbers below 2**24 are exact
            kernel += alike.double().cpu().numpy()
        sign, log_determinant = np.linalg.slogdet(kernel)
        if sign == 0:
            raise NonFiniteError("two samples activate the same ReLUs: the determinant is 0")
        return float(log_determinant)
