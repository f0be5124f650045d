"""A network written out as Python, for people who have torch and nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NetworkSource:
    """Python source of one network; see ``Space.source``.

    Args:
        code: defines ``class Network(nn.Module)``, built without arguments, that computes what the
            built network does, ``(batch, *input_shape)`` to ``(batch, classes)``. ``torch`` and
            ``nn`` are imported above it; what else it imports comes with Python or torch.
        names: from names of modules, parameters or buffers of the built network to those that they
            have in ``Network``; None for what has no effect and is left out. What is below a
            module goes with it, unless it is listed itself; what is not listed keeps its name.
    """

    code: str
    names: Mapping[str, str | None] = field(default_factory=dict)

    def written(self, name: str) -> str | None:
        """Return what a parameter or buffer of the built network is called in ``Network``."""
        for end in range(len(name), 0, -1):
            if (end == len(name) or name[end] == ".") and name[:end] in self.names:
                start = self.names[name[:end]]
                return None if start is None else start + name[end:]
        return name
