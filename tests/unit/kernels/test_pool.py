"""Memory is handed out again only when nobody can see it any more."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from eventflow.kernels.pool import ArrayPool
from eventflow.messages import Grid

SHAPE = (5, 260, 346)


def address(array):
    return array.ctypes.data


def test_a_view_keeps_the_memory():
    pool = ArrayPool()
    array = pool.take(SHAPE, np.float32)
    where, part = address(array), array[2:4, ::7].T
    del array
    assert address(pool.take(SHAPE, np.float32)) != where
    del part
    assert address(pool.take(SHAPE, np.float32)) == where


def test_a_message_and_what_was_made_of_its_memory_keep_it():
    pool = ArrayPool()
    array = pool.take(SHAPE, np.float32)
    array[:] = 7
    where, grid = address(array), Grid(array, 0, 1)
    del array
    memory = memoryview(grid.data)
    interface = np.asarray(grid.data)
    for holder in ("grid", "memory", "interface"):
        assert address(pool.take(SHAPE, np.float32)) != where, f"handed out while {holder} holds it"
        if holder == "grid":
            del grid
        elif holder == "memory":
            memory.release()
            del memory
    del interface
    assert address(pool.take(SHAPE, np.float32)) == where


def test_a_tensor_shares_the_memory_and_keeps_it():
    torch = pytest.importorskip("torch")
    pool = ArrayPool()
    array = pool.take(SHAPE, np.float32)
    array[:] = 7
    where, grid = address(array), Grid(array, 0, 1)
    del array
    tensor = grid.torch()
    del grid
    assert tensor.data_ptr() == where
    assert address(pool.take(SHAPE, np.float32)) != where
    assert float(tensor.sum()) == 7 * tensor.numel()
    assert tensor.dtype == torch.float32
    del tensor
    assert address(pool.take(SHAPE, np.float32)) == where


def test_large_arrays_begin_at_a_huge_page():
    assert address(ArrayPool().take((1 << 21,), np.uint8)) % (1 << 21) == 0


def test_the_pool_keeps_what_is_used_and_lets_go_of_the_rest():
    pool = ArrayPool()
    held = [pool.take(SHAPE, np.float32) for _ in range(20)]
    size = held[0].nbytes
    assert pool.held_bytes() == (20 * size, 0)
    held.clear()
    gc.collect()
    assert pool.held_bytes() == (0, 20 * size)
    for _ in range(600):
        pool.take(SHAPE, np.float32)
    assert pool.held_bytes() == (0, size)


def test_free_memory_has_a_limit():
    pool = ArrayPool(kept_bytes=1 << 22)
    for rows in range(300):
        pool.take((1 << 10, 300 + rows), np.float32)
    assert pool.held_bytes()[1] < 3 << 22


def test_threads_never_share_an_array():
    pool = ArrayPool()
    wrong = []

    def work(number: int) -> None:
        for _ in range(200):
            array = pool.take((300, 300), np.int32)
            array[:] = number
            if not (array == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_small_arrays_come_from_the_allocator():
    pool = ArrayPool()
    assert pool.take((10, 10), np.float32).base is None
    assert pool.held_bytes() == (0, 0)
