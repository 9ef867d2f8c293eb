"""The loops of `eventflow.kernels.adaptive`, whose text says what they compute.

Events go through in groups of GROUP: what depends on the events before is gathered one by one, the arithmetic is done
for the group at once, a vector of eight events in each instruction. Sums are of whole µs below 2^24, exact in float32;
so neither groups nor packets show in a result. A third of the time goes to the sums, a quarter to the weights, a
tenth to unpacking, the rest to gathering and to what is known of the sensor.

`sensor` holds: events in this batch, lonely ones among them, time of its first, log2 of the rate of lonely events and
of all, batches seen. Rates change after every BATCH events, at the same events however the stream was cut.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.verdicts import settle
from eventflow.kernels.words import p_of, x_of, y_of

RADIUS: Final = 3
BLOCK: Final = 8
TAUS: Final = (500, 2_000, 8_000, 32_000, 128_000, 512_000)
LONGEST: Final = 512_000
LONG_AGO: Final = -(1 << 61)
SENSOR_ENTRIES: Final = 6
BATCH: Final = 512
HIDDEN: Final = 16

GROUP: Final = 96  # of 64, each loop starts too often: a sixth slower; 128 are no faster, and outgrow the first cache

_SCALES: Final = 6
_NEIGHBOURS: Final = 48
SUMS: Final = 8 * _SCALES
FEATURES: Final = SUMS + 6
_FARTHEST: Final = 1 << 24
_G_ROWS = np.uint64(RADIUS + 1)
_LONELY_US: Final = 5_000
_LEAK_US: Final = 250_000
_MOST_LONELY: Final = 8
_MEMORY_SHARE: Final = 0.1
_G: Final = tuple(np.uint64(number * GROUP) for number in range(9))
_LANES = np.uint64(GROUP)  # a constant, also for the last group: what its unused lanes hold goes nowhere
_FLIPS = np.uint64((_NEIGHBOURS + 1) * GROUP)
_OWN, _SIDES = np.uint64(_NEIGHBOURS * GROUP), np.uint64(_SCALES * GROUP)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


def _ring_order() -> Any:
    """Return where in the square, read row by row, each neighbour stands: rings of 8, 16 and 24, then the centre."""
    square = [(y, x) for y in range(-RADIUS, RADIUS + 1) for x in range(-RADIUS, RADIUS + 1)]
    rings = [max(abs(y), abs(x)) for y, x in square]
    order = sorted(range(len(square)), key=lambda number: (rings[number], number))
    return np.array([*order[1:], order[0]])


_ORDER = _ring_order()
_TAUS = np.array(TAUS, np.float32)
_OVER = (1.0 / np.array(TAUS)).astype(np.float32)


@jit
def adaptive(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    quiet: Any,
    blocks: Any,
    block_times: Any,
    sensor: Any,
    w1: Any,
    b1: Any,
    w2: Any,
    b2: Any,
    threshold: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    """Return how many events are kept."""
    packed, ages, others, seen, every, other = _buffers()
    hidden = (np.empty(GROUP, np.float32), np.empty(GROUP, np.float32))
    odds = np.empty(GROUP, np.float32)
    count = len(words) // 2
    at = 0
    for begin in range(0, count, GROUP):
        size = min(GROUP, count - begin)
        group = words[2 * begin : 2 * (begin + size)]
        _see(group, cells, base, stride, quiet, blocks, block_times, sensor, packed, ages, others, seen, every, other)
        _weigh(seen, w1, b1, w2, b2, hidden, odds)
        for lane in range(size):
            i = begin + lane
            at = settle(i, words[2 * i], words[2 * i + 1], odds[lane] >= threshold, at, kept, mask)
            if scores is not None:
                scores[i] = odds[lane]
    return at // 2


@jit
def features(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    quiet: Any,
    blocks: Any,
    block_times: Any,
    sensor: Any,
    rows: Any,
) -> None:
    """Fill a row of features for each event."""
    packed, ages, others, seen, every, other = _buffers()
    count = len(words) // 2
    for begin in range(0, count, GROUP):
        size = min(GROUP, count - begin)
        group = words[2 * begin : 2 * (begin + size)]
        _see(group, cells, base, stride, quiet, blocks, block_times, sensor, packed, ages, others, seen, every, other)
        for lane in range(size):
            for number in range(FEATURES):
                rows[begin + lane, number] = seen[number * GROUP + lane]


@jit
def _buffers() -> Any:
    """Return room for packed ages, ages, marks of the other polarity, features, two sums: of GROUP events, in turn."""
    wide = (_NEIGHBOURS + 1) * GROUP
    return (
        np.zeros(wide + GROUP, np.int32),
        np.empty(wide, np.float32),
        np.empty(wide, np.float32),
        np.zeros(FEATURES * GROUP, np.float32),
        np.empty(GROUP, np.float32),
        np.empty(GROUP, np.float32),
    )


@jit
def _see(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    quiet: Any,
    blocks: Any,
    block_times: Any,
    sensor: Any,
    packed: Any,
    ages: Any,
    others: Any,
    seen: Any,
    every: Any,
    other: Any,
) -> None:
    """Fill `seen` with the features of a group of events, and remember them."""
    size = len(words) // 2
    for lane in range(size):
        _gather(words[2 * lane], words[2 * lane + 1], cells, base, stride, packed, np.uint64(lane))
    _unpack(packed, ages, others, every)
    for lane in range(size):
        t, place = words[2 * lane], words[2 * lane + 1]
        x, y = x_of(place), y_of(place)
        lonely = every[lane] >= _LONELY_US
        seen[SUMS * GROUP + lane] = sensor[3]
        seen[(SUMS + 1) * GROUP + lane] = sensor[4]
        seen[(SUMS + 2) * GROUP + lane] = _loneliness(quiet, x, y, t, lonely)
        seen[(SUMS + 3) * GROUP + lane] = min(sensor[5] * 0.01, 1.0)
        _busy(blocks, block_times, x >> np.uint64(3), y >> np.uint64(3), t, seen, lane)
        _measure(sensor, t, lonely, quiet.size)
    _sum_up(ages, others, seen, every, other)


@jit
def _gather(t: Any, place: Any, cells: Any, base: Any, stride: Any, packed: Any, lane: Any) -> None:
    """Note the distance in time of all pixels of the square, twice and with the polarity, and remember the event."""
    row = np.uint64(stride)
    first = y_of(place) * row + x_of(place)
    p = np.int64(p_of(place))
    now = 2 * (t - base) + 1  # so that half of the difference to a cell is the distance in time, whatever the polarity
    packed[lane + _FLIPS] = np.int32(1 - p)
    spot, narrow = lane, cells.itemsize == 4
    for _ in range(7):
        for column in range(np.uint64(7)):
            apart = now - np.int64(cells[first + column])
            # of narrow cells a difference beyond 32 bits, to one never set, wraps to one that is still far
            packed[spot] = np.int32(apart) if narrow else np.int32(min(max(apart, -_FARTHEST), _FARTHEST))
            spot += _G[1]
        first += row
    cells[first - _G_ROWS * row + np.uint64(RADIUS)] = now - 1 + p


@jit
def _unpack(packed: Any, ages: Any, others: Any, youngest: Any) -> None:
    """Fill `ages` and `others` ring by ring, and `youngest` with the least age within 2 px."""
    for lane in range(_LANES):
        youngest[lane] = np.float32(LONGEST)
    for number in range(_NEIGHBOURS + 1):
        source, target = np.uint64(_ORDER[number] * GROUP), np.uint64(number * GROUP)
        for lane in range(_LANES):
            apart = packed[source + lane]
            ages[target + lane] = np.float32(abs(np.int32(apart >> 1)))
            others[target + lane] = np.float32(np.int32((apart & 1) ^ packed[lane + _FLIPS]))
        if number < 24:
            for lane in range(_LANES):
                youngest[lane] = min(youngest[lane], ages[target + lane])


@jit
def _sum_up(ages: Any, others: Any, seen: Any, every: Any, other: Any) -> None:
    """Fill the sums: own pixel, then the rings; in each the same polarity, then the other; in each the scales."""
    for scale in range(_SCALES):
        tau, over = _TAUS[scale], _OVER[scale]
        for lane in range(_LANES):
            every[lane] = _above_zero(tau - ages[lane + _OWN])
            other[lane] = every[lane] * others[lane + _OWN]
        _root(every, other, over, seen, np.uint64(scale * GROUP))
        first = np.uint64(0)
        for ring in range(1, 4):
            for lane in range(_LANES):
                every[lane] = other[lane] = _ZERO
            for _ in range(ring):
                _add_eight(ages, others, first, tau, every, other)
                first += _G[8]
            _root(every, other, over, seen, np.uint64((2 * ring * _SCALES + scale) * GROUP))


@jit
def _above_zero(value: Any) -> Any:
    # one instruction, where max() takes care of values that are no number
    return value if value > _ZERO else _ZERO


@jit
def _root(every: Any, other: Any, over: Any, seen: Any, first: Any) -> None:
    for lane in range(_LANES):
        seen[first + lane] = math.sqrt((every[lane] - other[lane]) * over)
        seen[first + lane + _SIDES] = math.sqrt(other[lane] * over)


@jit
def _add_eight(ages: Any, others: Any, first: Any, tau: Any, every: Any, other: Any) -> None:
    # few arrays, fixed distances and unsigned places in them: else the compiler would not make vectors of this
    for lane in range(_LANES):
        a, b, c, d = first + lane, first + lane + _G[1], first + lane + _G[2], first + lane + _G[3]
        e, f, g, h = first + lane + _G[4], first + lane + _G[5], first + lane + _G[6], first + lane + _G[7]
        la, lb = _above_zero(tau - ages[a]), _above_zero(tau - ages[b])
        lc, ld = _above_zero(tau - ages[c]), _above_zero(tau - ages[d])
        le, lf = _above_zero(tau - ages[e]), _above_zero(tau - ages[f])
        lg, lh = _above_zero(tau - ages[g]), _above_zero(tau - ages[h])
        every[lane] += ((la + lb) + (lc + ld)) + ((le + lf) + (lg + lh))
        front = (la * others[a] + lb * others[b]) + (lc * others[c] + ld * others[d])
        back = (le * others[e] + lf * others[f]) + (lg * others[g] + lh * others[h])
        other[lane] += front + back


@jit
def _loneliness(quiet: Any, x: Any, y: Any, t: Any, lonely: Any) -> Any:
    """Return the leaking count of lonely events that the pixel had, and add this one if it is."""
    left = quiet[y, x] - t
    left = left if 0 < left <= _MOST_LONELY * _LEAK_US else 0
    quiet[y, x] = t + min(left + lonely * _LEAK_US, _MOST_LONELY * _LEAK_US)
    return left / _LEAK_US


@jit
def _busy(blocks: Any, block_times: Any, x: Any, y: Any, t: Any, seen: Any, lane: Any) -> None:
    since = np.float32(min(abs(t - block_times[y, x]), LONGEST))
    fast = blocks[y, x, 0] * max(_ONE - since * np.float32(1 / 20_000), _ZERO)
    slow = blocks[y, x, 1] * max(_ONE - since * np.float32(1 / 200_000), _ZERO)
    seen[(SUMS + 4) * GROUP + lane], seen[(SUMS + 5) * GROUP + lane] = math.sqrt(fast), math.sqrt(slow)
    blocks[y, x, 0], blocks[y, x, 1] = fast + _ONE, slow + _ONE
    block_times[y, x] = t


@jit
def _measure(sensor: Any, t: Any, lonely: Any, pixels: Any) -> None:
    if sensor[0] == 0.0:
        sensor[2] = t
    sensor[0] += 1.0
    sensor[1] += lonely
    if sensor[0] == BATCH:
        pixel_seconds = max(abs(t - sensor[2]), 1.0) * 1e-6 * pixels
        share = 1.0 if sensor[5] == 0.0 else _MEMORY_SHARE
        sensor[3] += share * (math.log2(sensor[1] / pixel_seconds + 0.01) - sensor[3])
        sensor[4] += share * (math.log2(sensor[0] / pixel_seconds + 0.01) - sensor[4])
        sensor[5] += 1.0
        sensor[0], sensor[1] = 0.0, 0.0


@jit
def _weigh(seen: Any, w1: Any, b1: Any, w2: Any, b2: Any, hidden: Any, odds: Any) -> None:
    first, second = hidden
    for lane in range(_LANES):
        odds[lane] = b2
    for j in range(0, HIDDEN, 2):
        for lane in range(_LANES):
            first[lane], second[lane] = b1[j], b1[j + 1]
        for number in range(0, FEATURES, 6):
            _add_six(seen, np.uint64(number * GROUP), w1[number : number + 6, j : j + 2], first, second)
        u, v = w2[j], w2[j + 1]
        for lane in range(_LANES):
            odds[lane] += _above_zero(first[lane]) * u + _above_zero(second[lane]) * v


@jit
def _add_six(seen: Any, begin: Any, w: Any, first: Any, second: Any) -> None:
    # two units at once: half as many loads
    a0, a1, a2, a3, a4, a5 = w[0, 0], w[1, 0], w[2, 0], w[3, 0], w[4, 0], w[5, 0]
    b0, b1, b2, b3, b4, b5 = w[0, 1], w[1, 1], w[2, 1], w[3, 1], w[4, 1], w[5, 1]
    for lane in range(_LANES):
        at = begin + lane
        s0, s1, s2 = seen[at], seen[at + _G[1]], seen[at + _G[2]]
        s3, s4, s5 = seen[at + _G[3]], seen[at + _G[4]], seen[at + _G[5]]
        first[lane] += ((s0 * a0 + s1 * a1) + s2 * a2) + ((s3 * a3 + s4 * a4) + s5 * a5)
        second[lane] += ((s0 * b0 + s1 * b1) + s2 * b2) + ((s3 * b3 + s4 * b4) + s5 * b5)
