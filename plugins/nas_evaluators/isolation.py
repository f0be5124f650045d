"""Everything global that training depends on: set from the task, put back afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch  # noqa: TID253  # imported inside Train.evaluate only

from nas.seeds import derive


@contextmanager
def isolated(seed: int, threads: int, device: torch.device) -> Iterator[None]:
    """Seed every global generator, pin torch's threads and switches; restore them on leaving.

    What ran before in this process then changes nothing, and neither does this change what runs
    after it. Choosing cuDNN's algorithms by timing them is switched off: the choice, and with it
    the rounding, would differ from run to run.
    """
    cudnn = torch.backends.cudnn
    before = (torch.get_num_threads(), torch.get_default_dtype())
    flags = (cudnn.benchmark, cudnn.deterministic)
    python, numpy = random.getstate(), np.random.get_state()
    gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus), torch.inference_mode(False):
        try:
            torch.set_num_threads(threads)
            torch.set_default_dtype(torch.float32)
            cudnn.benchmark, cudnn.deterministic = False, True
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(derive(seed, "numpy"))
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.set_default_dtype(before[1])
            cudnn.benchmark, cudnn.deterministic = flags
            random.setstate(python)
            np.random.set_state(numpy)
