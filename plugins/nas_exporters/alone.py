"""Runs an exported Python file where nas cannot be imported: a program, see ``Alone``.

For each batch it reads a line of JSON, the shape, and float32 bytes; it answers in the same way, or
with a line that tells an error.
"""

from __future__ import annotations

import json
import math
import runpy
import sys
from typing import Any, BinaryIO


def _answer(network: Any, shape: list[int], content: bytes, sink: BinaryIO) -> None:
    import torch

    inputs = torch.frombuffer(bytearray(content), dtype=torch.float32).reshape(shape)
    with torch.no_grad():
        logits = network(inputs)
    answer = {"shape": list(logits.shape)}
    sink.write(json.dumps(answer).encode() + b"\n" + logits.float().contiguous().numpy().tobytes())
    sink.flush()


def main(path: str) -> int:
    """Load the network and answer until nothing more is asked."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # the file is free to print
    sys.modules["nas"] = None  # type: ignore[assignment]  # to import it is an error
    try:
        network = runpy.run_path(path)["load"]()
        while line := source.readline():
            shape = json.loads(line)
            _answer(network, shape, source.read(4 * math.prod(shape)), sink)
    except Exception as error:  # noqa: BLE001  # the file's code can raise anything
        said = " ".join(f"{type(error).__name__}: {error}".split())
        sink.write(json.dumps({"error": said}).encode() + b"\n")
        sink.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
