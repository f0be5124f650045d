"""A network's last feature map, found without knowing the network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn  # noqa: TID253  imported by proxies' compute only
from torch.nn import functional as F  # noqa: N812, TID253
from torch.overrides import TorchFunctionMode  # noqa: TID253

from nas import NotApplicableError
from nas_proxies.forward import outputs_of
from nas_proxies.samples import tensors_in

_CONVOLUTIONS = {F.conv2d, F.conv_transpose2d}
_MARK = "_nas_feature_map"


def last_feature_map(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return the last ``(samples, channels, height, width)`` of more than one position.

    A feature map is what a 2-D convolution returns, and every 4-D tensor computed from one.
    Attention's ``(samples, heads, positions, features)`` is none: it comes from 3-D tensors.

    Raises:
        NotApplicableError: there is none.
    """
    found = _FeatureMaps()
    with found:
        outputs_of(network, inputs)
    if found.last is None:
        raise NotApplicableError("no 2-D convolution returns a map of more than one position")
    return found.last


class _FeatureMaps(TorchFunctionMode):
    """Marks feature maps during a forward pass and keeps the last."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        maps = [tensor for tensor in tensors_in((result,)) if tensor.dim() == 4]
        given = tensors_in((*args, *kwargs.values()))
        if maps and (func in _CONVOLUTIONS or any(hasattr(t, _MARK) for t in given)):
            for tensor in maps:
                setattr(tensor, _MARK, True)
                if tensor[0, 0].numel() > 1:
                    self.last = tensor
        return result
