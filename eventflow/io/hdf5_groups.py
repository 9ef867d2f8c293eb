"""Chunks of the columns t, x, y, p that hold the same rows, unpacked and put together at once, by threads if wanted."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.io.columns_decoder import checked_pixels, checked_polarities, checked_times, frozen
from eventflow.io.hdf5_chunks import Chunk, ChunkError
from eventflow.io.hdf5_kernels import pack_planes
from eventflow.io.numpy_kernels import LAST, STATE_SIZE, STEPS_BACK, pack_columns
from eventflow.io.order import BEFORE_ALL_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eventflow.io.hdf5_columns import Hdf5Rows

WORTH_ROWS = 1 << 22
"""From how many rows on several threads are used unasked."""

GROUPS_A_THREAD = 16
"""How many groups a thread is given at a time: as much as is done in vain behind a damaged one."""

_MOST_UNASKED: Final = 4
_KINDS: Final = {"t": ("<u4", "<i8"), "x": ("<u2",), "y": ("<u2",), "p": ("|u1", "|b1")}
_NONE_KEPT: Final = np.empty(0, np.bool_)


def threads_for(asked: int | None, rows: int) -> int:
    """Return how many threads read that many rows; `asked` is None to have it decided here."""
    if asked is not None:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_UNASKED) if rows >= WORTH_ROWS else 1


@dataclass
class _Share:
    """Consecutive groups for one thread.

    Attributes:
        first: the first of them.
        stop: after the last of them.
        place: of their first event in the memory for all.
        counts: for each group how many events became of it, as far as all went well.
        states: of the kernel after each of those groups, as if nothing were before it.
    """

    first: int
    stop: int
    place: int
    counts: list[int] = field(default_factory=list)
    states: list[NDArray[np.int64]] = field(default_factory=list)


class Groups:
    """The groups of one file.

    Args:
        columns: of one shape and in chunks of one size.
        total: rows that all of them have.
        unit: of the times.
        t_offset: µs added to every time.
        size: width and height of the sensor, px.

    Attributes:
        rows: of a group, fewer in the last one.
    """

    def __init__(
        self, columns: Mapping[str, Hdf5Rows], total: int, unit: str, t_offset: int, size: tuple[int, int]
    ) -> None:
        self._columns, self._total = columns, total
        self._unit, self._offset, self._size = unit, t_offset, size
        self.rows = columns["t"].block_rows
        self._plain = unit == "us" and all(columns[name].dtype.str in kinds for name, kinds in _KINDS.items())

    def count_in(self, group: int, room: int) -> int:
        """Return how many groups from one on have no more than `room` rows together."""
        left = self._total - group * self.rows
        return -(-left // self.rows) if room >= left else room // self.rows

    def rows_in(self, group: int, count: int) -> int:
        """Return how many rows some groups have."""
        return min(count * self.rows, self._total - group * self.rows)

    def fill(
        self, words: NDArray[np.int64], group: int, count: int, threads: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Put the events of the next groups into `words`, up to the first one that is damaged or unknown.

        Args:
            words: as `pack_columns` has them, for all rows.
            group: the first.
            count: how many at most, at least one.
            threads: at most so many work.
            state: of the kernel; counts what became events.

        Returns:
            How many groups, and how many events.
        """
        count = min(count, GROUPS_A_THREAD * threads)
        threads = min(threads, count)
        cuts = [group + count * k // threads for k in range(threads + 1)]
        shares = [_Share(a, b, self.rows_in(group, a - group)) for a, b in pairwise(cuts)]
        if threads == 1:
            self._work(shares[0], words)
        else:
            with ThreadPoolExecutor(threads, "hdf5") as pool:
                for future in [pool.submit(self._work, share, words) for share in shares]:
                    future.result()
        return self._joined(shares, words, state)

    def _work(self, share: _Share, words: NDArray[np.int64]) -> None:
        place = share.place
        for group in range(share.first, share.stop):
            state = np.zeros(STATE_SIZE, np.int64)
            state[LAST] = BEFORE_ALL_TIME
            rows = self.rows_in(group, 1)
            try:
                made = self._put(group, rows, words[place : place + rows], state)
            except (ChunkError, ValueError):
                return  # whoever reads the columns one by one finds out what is wrong
            share.counts.append(made)
            share.states.append(state)
            place += rows

    def _put(self, group: int, rows: int, words: NDArray[np.int64], state: NDArray[np.int64]) -> int:
        t, x, y, p = (self._chunk(name, group) for name in "txyp")
        item = self._columns["t"].dtype.itemsize
        if self._plain and (t.item, x.item, y.item, p.item) == (item, 2, 2, 1):
            parts = t.data, item, self._offset, x.data, y.data, p.data
            return int(pack_planes(*parts, rows, words, *self._size, state))
        columns = {
            name: self._columns[name].of_bytes(chunk)[:rows] for name, chunk in zip("txyp", (t, x, y, p), strict=True)
        }
        times, bad = checked_times(columns["t"], self._unit)
        if bad is not None:
            raise ValueError("times that are none")
        pixels = checked_pixels(columns["x"]), checked_pixels(columns["y"])
        arrays = (frozen(each) for each in (*pixels, checked_polarities(columns["p"])))
        return int(pack_columns(frozen(times), self._offset, *arrays, words, _NONE_KEPT, *self._size, state))

    def _chunk(self, name: str, group: int) -> Chunk:
        stored = self._columns[name].stored(group)
        if stored is None:
            raise ChunkError("left to the HDF5 library")
        return self._columns[name].chunk(stored)

    def _joined(self, shares: list[_Share], words: NDArray[np.int64], state: NDArray[np.int64]) -> tuple[int, int]:
        """Close the gaps between groups and take over what they counted, up to the first that is missing."""
        groups = events = 0
        for share in shares:
            place = share.place
            for made, its in zip(share.counts, share.states, strict=True):
                last = its[LAST] if made else state[LAST]
                its[STEPS_BACK] += int(made > 0 and words[place, 0] < state[LAST])
                if place != events:
                    words[events : events + made] = words[place : place + made]
                state += its
                state[LAST] = last
                place += self.rows
                groups, events = groups + 1, events + made
            if len(share.counts) < share.stop - share.first:
                break
        return groups, events
