"""One thread for each matrix: on small ones, threads that wait for each other cost most.

A search's workers keep every core busy while its driver predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

Part = TypeVar("Part")
Answer = TypeVar("Answer")


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let numpy's linear algebra use one thread."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch use one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(answer: Callable[[Part], Answer], parts: Sequence[Part]) -> list[Answer]:
    """Return the answers to parts, each in one thread; as many at a time as torch has threads."""
    import torch

    workers = min(len(parts), torch.get_num_threads())
    with one_torch_thread(), one_blas_thread():
        if workers <= 1:
            return [answer(part) for part in parts]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(answer, parts))
