"""Per-sample gradients of layers' parameters, at the price of a batch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253

from nas_proxies.layer_functions import Conv, Copies, Embedding, Geometry, Linear

Visit = Callable[[nn.Parameter, Tensor], None]
"""Takes a parameter and ``(samples, *parameter.shape)``, which it may overwrite."""


@dataclass(eq=False)
class _Derived:
    """A tensor that was computed from parameters and constants alone.

    Args:
        value: what the network goes on with.
        result: the same, with the way back to ``leaves``.
        leaves: what it was computed from, by parameter.
    """

    value: Tensor
    result: Tensor
    leaves: dict[Any, Tensor]


class WeightGradients:
    """Computes with given parameters, and hands their per-sample gradients over going backward.

    One that is used several times is handed over once, with the sum over its uses.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], visit: Visit) -> None:
        self._wanted = {id(parameter) for parameter in parameters}
        self._visit = visit
        self._missing: dict[Tensor, int] = {}
        self._sums: dict[Tensor, Tensor] = {}
        self._derived: dict[int, _Derived] = {}
        # Makes outputs part of the graph even where no input and no weight is.
        self._anchor = torch.zeros((), requires_grad=True)

    def wants(self, value: object) -> bool:
        """Tell whether this is one of the parameters."""
        return id(value) in self._wanted

    def conv(
        self, inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
    ) -> Tensor:
        """Return the convolution of ``(samples, channels, ...)``, of one to three dimensions."""
        self._expect(weight, bias)
        return self._applied(Conv, inputs, weight, bias, geometry)

    def linear(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the linear map of ``(samples, ..., features)``."""
        self._expect(weight, bias)
        return self._applied(Linear, inputs, weight, bias)

    def embedding(self, indices: Tensor, weight: nn.Parameter, padding: int | None) -> Tensor:
        """Return the rows of the weight at ``(samples, ...)``; ``padding`` has no gradient."""
        self._expect(weight)
        return self._applied(Embedding, indices, weight, padding)

    def copies(self, parameter: nn.Parameter, samples: int) -> Tensor:
        """Return ``(samples, *parameter.shape)``: the parameter, for each sample its own."""
        self._expect(parameter)
        return self._applied(Copies, parameter, samples)

    def add(self, parameter: Any, gradients: Tensor) -> None:
        """Take the per-sample gradients of one use of the parameter, which nobody else holds."""
        self._missing[parameter] -= 1
        if parameter in self._sums:
            gradients = self._sums.pop(parameter).add_(gradients)
        if self._missing[parameter]:
            self._sums[parameter] = gradients
        else:
            self._hand_over(parameter, gradients)

    def derive(self, func: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of parameters and constants returns, to go on with.

        Its gradients will be added to those of the parameters.

        Args:
            func: called with the arguments, of which the parameters are replaced by copies.
        """
        leaves = {p: p.detach().requires_grad_(True) for p in arguments if self.wants(p)}
        with torch.enable_grad():
            results = func(*(leaves[p] if self.wants(p) else p for p in arguments))
        if isinstance(results, Tensor):
            return self._derived_value(results, leaves)
        return type(results)([self._derived_value(result, leaves) for result in results])

    def finish(self) -> None:
        """Hand over what still waits for uses that the loss turned out not to depend on."""
        for key in reversed(self._derived):  # the last first: others may be derived from it
            value = self._derived[key].value
            if value in self._sums:
                self._hand_over(value, self._sums.pop(value))
            self._missing.pop(value, None)
        for parameter, gradients in self._sums.items():
            self._visit(cast(nn.Parameter, parameter), gradients)
        self._sums.clear()
        self._wanted -= set(self._derived)
        self._derived.clear()

    def _derived_value(self, result: Tensor, leaves: dict[Any, Tensor]) -> Tensor:
        value = result.detach()
        if result.requires_grad:
            self._expect(*leaves)
            self._wanted.add(id(value))
            self._derived[id(value)] = _Derived(value, result, leaves)
        return value

    def _hand_over(self, parameter: Any, gradients: Tensor) -> None:
        derived = self._derived.get(id(parameter))
        if derived is None:
            self._visit(parameter, gradients)
            return
        rows = [
            torch.autograd.grad(
                derived.result,
                list(derived.leaves.values()),
                gradient,
                retain_graph=True,
                materialize_grads=True,
            )
            for gradient in gradients
        ]
        for parent, column in zip(derived.leaves, zip(*rows, strict=True), strict=True):
            self.add(parent, torch.stack(column))

    def _expect(self, *used: Any) -> None:
        for parameter in filter(self.wants, used):
            self._missing[parameter] = self._missing.get(parameter, 0) + 1

    def _applied(self, function: Any, *args: Any) -> Tensor:
        return cast(Tensor, function.apply(self._anchor, *args, self))
