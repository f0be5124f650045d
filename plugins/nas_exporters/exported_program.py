"""PyTorch's own format of traced networks."""

from __future__ import annotations

import json
from pathlib import Path

from nas.abstract.exporter import Exporter, FoundNetwork, Run


class ExportedProgram(Exporter):
    """``torch.export`` with a free batch dimension; ``torch.export.load(path).module()`` runs it.

    Provenance is the extra file ``nas.json`` in the archive.
    """

    suffix = ".pt2"

    def write(self, found: FoundNetwork, path: Path) -> None:
        """Trace the network and save the program."""
        import torch

        from nas_exporters.tracing import batch_of_any_size, tracing

        about = json.dumps(dict(found.provenance), allow_nan=False)
        with tracing(found, "pt2"):
            program = torch.export.export(
                found.network, (found.example(),), dynamic_shapes=batch_of_any_size()
            )
            torch.export.save(program, path, extra_files={"nas.json": about})

    def load(self, path: Path, found: FoundNetwork) -> Run:
        """Return the program that the file holds."""
        import torch

        from nas_exporters.rebuilding import running
        from nas_exporters.tracing import tracing

        with tracing(found, "pt2"):
            return running(torch.export.load(path).module())
