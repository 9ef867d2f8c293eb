"""Memory of whole recordings: kept for the next one, never in two hands."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from recording_kit import assert_same, make

from eventflow import io
from eventflow.events import EVENT_DTYPE
from eventflow.io import large_memory

COUNT = large_memory.LEAST_BYTES // 16

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kept on Linux only")


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(large_memory, "_kept", [])


def place(array) -> int:
    return array.__array_interface__["data"][0]


def test_what_was_let_go_of_is_used_again():
    first = large_memory.empty(COUNT, EVENT_DTYPE)
    where = place(first)
    assert first.shape == (COUNT,)
    assert first.dtype == EVENT_DTYPE
    assert first.flags.writeable
    del first
    assert place(large_memory.empty(COUNT, EVENT_DTYPE)) == where


def test_a_view_keeps_the_memory_from_the_next():
    first = large_memory.empty(COUNT, EVENT_DTYPE)
    part = first[10:20]
    part["t"] = np.arange(10)
    del first
    other = large_memory.empty(COUNT, EVENT_DTYPE)
    other.view(np.uint8)[:] = 255
    assert part["t"].tolist() == list(range(10))


def test_small_arrays_are_not_kept():
    small = large_memory.empty(10, EVENT_DTYPE)
    del small
    assert large_memory._kept == []


def test_no_more_is_kept_than_said(monkeypatch):
    monkeypatch.setattr(large_memory, "KEPT_BYTES", 2 * large_memory.LEAST_BYTES)
    arrays = [large_memory.empty(COUNT, EVENT_DTYPE) for _ in range(5)]
    arrays.clear()
    assert len(large_memory._kept) == 2


def test_a_larger_block_is_kept_in_part(monkeypatch):
    monkeypatch.setattr(large_memory, "KEPT_BYTES", large_memory.LEAST_BYTES)
    array = large_memory.empty(4 * COUNT, EVENT_DTYPE)
    array.view(np.uint8)[:] = 7
    where = place(array)
    del array
    again = large_memory.empty(4 * COUNT, EVENT_DTYPE)
    assert place(again) == where
    assert not again[COUNT:].view(np.uint8).any()  # the system took these pages and gave empty ones


def test_an_array_let_go_of_while_the_list_is_in_use_is_simply_freed():
    array = large_memory.empty(COUNT, EVENT_DTYPE)
    with large_memory._lock:
        del array
    assert large_memory._kept == []


def test_threads_never_share_a_block():
    wrong = []

    def work(number: int) -> None:
        for _ in range(30):
            array = large_memory.empty(COUNT, EVENT_DTYPE)
            array["t"][::4096] = number
            if (array["t"][::4096] != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_recordings_read_one_after_another_are_independent(tmp_path):
    events = [make(np.arange(COUNT) * step) for step in (1, 2)]
    paths = [io.write(each, tmp_path / f"{number}.dat") for number, each in enumerate(events)]
    first = io.read(paths[0])
    assert_same(io.read(paths[1]).records, events[1])
    assert_same(first.records, events[0])
    where = place(first.records)
    del first
    second = io.read(paths[1])
    assert place(second.records) == where
    assert_same(second.records, events[1])


def test_what_the_system_cannot_give_is_a_memory_error():
    with pytest.raises(MemoryError, match="the system has no"):
        large_memory.empty(1 << 58, EVENT_DTYPE)
