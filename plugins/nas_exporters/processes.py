"""An exported Python file in a process of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import weakref
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nas import ExportError
from nas_exporters import alone


class Alone:
    """Runs the network of an exported file; the process ends with this object.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        # -P keeps this package's folder, which the program is in, out of where it imports from.
        command = [sys.executable, "-P", alone.__file__, str(path)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin: IO[bytes] = process.stdin
        self._stdout: IO[bytes] = process.stdout
        weakref.finalize(self, _end, process)

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits. Raises ``ExportError`` with what the process said."""
        try:
            self._stdin.write(json.dumps(inputs.shape).encode() + b"\n")
            self._stdin.write(np.ascontiguousarray(inputs, dtype=np.float32).tobytes())
            self._stdin.flush()
        except BrokenPipeError:
            pass  # it says why in its answer
        answer = json.loads(self._stdout.readline() or b'{"error": "its process died"}')
        if "error" in answer:
            raise ExportError(f"the written file does not work without nas: {answer['error']}")
        content = self._stdout.read(4 * math.prod(answer["shape"]))
        return np.frombuffer(content, dtype=np.float32).reshape(answer["shape"])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
