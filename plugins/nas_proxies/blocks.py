"""What the blocks of a network put out for random inputs, and how gradients go back through them.

Which modules are blocks is read from the network:

* ``nn.Sequential``, ``nn.ModuleList`` and ``nn.ModuleDict`` are opened, and so is the network
  itself. A Sequential of nothing but torch's own layers (convolution, norm, ReLU) stays whole.
* Of what is found, a torch layer or such a Sequential is a block if it holds the weight of a
  convolution or linear layer; a module of a class of one's own, if it has any module or parameter.
* What returns the network's outputs is no block, and neither is what returns no tensor with a
  row a sample. Of the rest, the number of dimensions that most of them return is kept.
* If this leaves fewer than two, all that was found is opened too, level by level.

Blocks follow one another as they are called. In a NAS-Bench-201 network they are the authors':
stem, cells and reductions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253

from nas import NotApplicableError
from nas_proxies.forward import pass_through
from nas_proxies.fresh import draw_kaiming, normal_like

_LISTS = nn.Sequential | nn.ModuleList | nn.ModuleDict
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class Gradient(NamedTuple):
    """What came back through a block.

    Args:
        inputs: gradient by what the block before put out.
        outputs: what went in: +1 or -1, drawn for each output.
    """

    inputs: Tensor
    outputs: Tensor


class BlockPasses:
    """What proxies compute from a network's blocks, each of it when it is first asked for.

    Draws the network's weights anew, then the inputs, then what goes back: from a generator of its
    own, so that it does not matter what is drawn elsewhere before it is asked.

    Args:
        network: in train mode, so that batch norm takes the statistics of the batch.
        inputs: ``(samples, ...)``, of which only shape, type and device are looked at.
    """

    def __init__(self, network: nn.Module, inputs: Tensor) -> None:
        self._network = network
        self._inputs = inputs
        self._generator = torch.Generator()
        self._generator.manual_seed(int(torch.randint(2**62, ())))

    @cached_property
    def features(self) -> list[Tensor]:
        """What each block put out, all of as many dimensions.

        With two or three dimensions, the last are the features; with four, the second.

        Raises:
            NotApplicableError: there are fewer than two blocks, inputs are indices, weights cannot
                be drawn anew, or a norm has a single value a channel.
        """
        draw_kaiming(self._network, "fan_in", self._generator)
        inputs = normal_like(self._inputs, self._generator).requires_grad_(True)
        candidates = list(_units(self._network, opened=True))
        while True:
            features = _features(self._network, candidates, inputs)
            if len(features) > 1:
                return features
            opened = [
                unit
                for module in candidates
                for unit in _units(module, opened=_has_children(module))
            ]
            if opened == candidates:
                raise NotApplicableError(
                    f"{len(features)} block found, and two are needed: modules with weights that "
                    "the network calls one after another would work"
                )
            candidates = opened

    @cached_property
    def gradients(self) -> list[Gradient]:
        """For each block but the first, what came back through it, from the last block on.

        Raises:
            NotApplicableError: a block does not depend on the one before.
        """
        gradients = []
        for i in reversed(range(1, len(self.features))):
            before, after = self.features[i - 1], self.features[i]
            drawn = torch.empty(after.shape, dtype=after.dtype)
            signs = drawn.bernoulli_(0.5, generator=self._generator).mul_(2).sub_(1)
            signs = signs.to(after.device)
            back = None
            if before.requires_grad and after.requires_grad:
                (back,) = torch.autograd.grad(
                    after, before, signs, retain_graph=True, allow_unused=True
                )
            if back is None:
                raise NotApplicableError(
                    f"block {i} does not depend on the one before: blocks in a chain would work"
                )
            gradients.append(Gradient(back, signs))
        return gradients


def _features(network: nn.Module, candidates: list[nn.Module], inputs: Tensor) -> list[Tensor]:
    """Return what the blocks among the candidates put out."""
    found: list[tuple[Tensor, Tensor]] = []

    def note(module: nn.Module, _: object, output: object) -> Tensor | None:
        if not isinstance(output, Tensor) or output.dim() < 2 or len(output) != len(inputs):
            return None
        found.append((output, output.clone()))  # which may then be changed in place
        return found[-1][1]

    hooks = [unit.register_forward_hook(note) for unit in candidates if _is_block(unit)]
    try:
        outputs = pass_through(network, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    features = [feature for feature, passed_on in found if passed_on is not outputs]
    if not features:
        return []
    ((rank, _),) = Counter(feature.dim() for feature in features).most_common(1)
    return [feature for feature in features if feature.dim() == rank]


def _units(module: nn.Module, *, opened: bool = False) -> Iterator[nn.Module]:
    """Yield what lists are made of, from the module down; ``opened``: from its children down."""
    whole = isinstance(module, nn.Sequential) and all(map(_is_torch_layer, module.children()))
    if opened or (isinstance(module, _LISTS) and not whole):
        for child in module.children():
            yield from _units(child)
    else:
        yield module


def _is_torch_layer(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.") and not isinstance(module, _LISTS)


def _is_block(module: nn.Module) -> bool:
    if isinstance(module, _LISTS) or _is_torch_layer(module):
        return any(isinstance(m, _LAYERS) for m in module.modules())
    return _has_children(module) or next(module.parameters(), None) is not None


def _has_children(module: nn.Module) -> bool:
    return next(module.children(), None) is not None
