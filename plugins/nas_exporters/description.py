"""What was found, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nas import ExportError
from nas.abstract.exporter import Exporter, FoundNetwork, Run


class Description(Exporter):
    """Architecture, graph, metrics and provenance; no weights, so that any trial will do.

    ``graph`` is node-link data: ``networkx.node_link_graph(graph, edges="edges")`` reads it.
    """

    suffix = ".json"
    needs_weights = False

    def write(self, found: FoundNetwork, path: Path) -> None:
        """Write the document, in a form that is the same for the same trial."""
        about = {k: v for k, v in found.provenance.items() if k not in ("trained", "normalises")}
        document = {**about, "graph": _graph(found)}
        text = json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False, default=str)
        path.write_text(text + "\n", encoding="utf-8")

    def load(self, path: Path, found: FoundNetwork) -> Run:
        """Return the network that the document's decisions build, with the weights it has.

        Raises:
            ExportError: the canonical id is not that of the decisions.
        """
        from nas_exporters.rebuilding import rebuilt

        document = json.loads(path.read_text(encoding="utf-8"))
        member = found.space.architecture(document["decisions"])
        if found.space.canonical_id(member) != found.space.canonical_id(found.architecture):
            raise ExportError("the document's decisions are those of another architecture")
        return rebuilt(found, document["decisions"], found.network.state_dict())


def _graph(found: FoundNetwork) -> dict[str, Any]:
    graph = found.space.graph(found.architecture)
    return {
        "directed": True,
        "multigraph": False,
        "graph": {},
        "nodes": [{"id": node, **facts} for node, facts in graph.nodes.items()],
        "edges": [{"source": a, "target": b, **facts} for (a, b), facts in graph.edges.items()],
    }
