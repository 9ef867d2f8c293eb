"""The filters once more, as slow and obvious loops: what the kernels are compared with."""

from __future__ import annotations

import math
from collections import defaultdict, deque

import numpy as np

from eventflow.events import Events

INF = float("inf")


class Past:
    """The last events of each pixel, newest first."""

    def __init__(self, depth: int = 1) -> None:
        self._events = defaultdict(lambda: deque(maxlen=depth))

    def at(self, x, y):
        return list(self._events[x, y]) if (x, y) in self._events else []

    def near(self, x, y, radius, own=False):
        """Return (dx, dy, t, p) of the events within radius."""
        square = range(-radius, radius + 1)
        places = [(i, j) for j in square for i in square if own or i or j]
        return [(i, j, *event) for i, j in places for event in self.at(x + i, y + j)]

    def add(self, x, y, t, p):
        self._events[x, y].appendleft((t, p))


def rows(events: Events):
    return events.records.tolist()


def hot_pixel(events, rate, burst):
    """Return the levels of the buckets and whether each event is kept."""
    interval = round(1e6 / rate)
    empty_at, hot, levels, kept = {}, {}, [], []
    for t, x, y, _, *_ in rows(events):
        left = empty_at.get((x, y), t) - t
        if not 0 < left <= 2 * burst * interval:
            left, hot[x, y] = 0, False
        level = min(left + interval, 2 * burst * interval)
        hot[x, y] = level > burst * interval or (hot[x, y] and level > interval)
        empty_at[x, y] = t + level
        levels.append(burst - level / interval)
        kept.append(not hot[x, y])
    return levels, kept


def burst_places(events, window):
    past, found = {}, []
    for t, x, y, p in rows(events):
        last, polarity, number = past.get((x, y), (None, 0, 0))
        number = min(number + 1, 3) if last is not None and polarity == p and abs(t - last) < window else 1
        past[x, y] = t, p, number
        found.append(number)
    return found


def intervals(events):
    last, found = {}, []
    for t, x, y, _ in rows(events):
        found.append(abs(t - last[x, y]) if (x, y) in last else INF)
        last[x, y] = t
    return found


def flickers(events, low, high, start, stop):
    shortest, longest = math.ceil(1e6 / high), int(1e6 / low)
    pixels, counters, kept = {}, [], []
    for t, x, y, p in rows(events):
        rise, counter, on, before = pixels.get((x, y), (None, 0, False, 0))
        if rise is not None and abs(t - rise) > 2 * longest:
            counter, on = 0, False
        if p == 1 and before == 0:
            if rise is not None:
                counter = min(counter + 1, start) if shortest <= abs(t - rise) <= longest else max(counter - 1, 0)
            rise_now = t
        else:
            rise_now = rise
        on = counter >= start or (on and counter >= stop)
        pixels[x, y] = rise_now, counter, on, p
        counters.append(start - counter)
        kept.append(not on)
    return counters, kept


def crossing_ages(events, polarity, own):
    columns, lines, found = {}, {}, []
    for t, x, y, p in rows(events):
        near = [columns[i] for i in (x - 1, x, x + 1) if i in columns]
        near += [lines[j] for j in (y - 1, y, y + 1) if j in lines]
        ages = [
            abs(t - u)
            for u, i, j, q in near
            if max(abs(i - x), abs(j - y)) <= 1 and (own or (i, j) != (x, y)) and (not polarity or p == q)
        ]
        found.append(min(ages, default=INF))
        columns[x] = lines[y] = (t, x, y, p)
    return found


def decayed_counts(events, half_life, block):
    last, counts, found = {}, defaultdict(float), []
    for t, x, y, _ in rows(events):
        where = x // block, y // block
        since = max(t - last.get(where, -math.inf), 0)
        counts[where] = counts[where] * (0.0 if since >= 64 * half_life else 2.0 ** (-since / half_life)) + 1.0
        last[where] = t
        found.append(counts[where])
    return found


def window_distances(events, size, radius, k):
    """Return the k-th smallest distance and whether each event is kept."""
    lists, distances, kept = (deque(maxlen=size), deque(maxlen=size)), [], []
    for _, x, y, _ in rows(events):
        near = sorted(abs(x - i) + abs(y - j) for one in lists for i, j in one)
        distances.append(near[k - 1] if len(near) >= k else INF)
        kept.append(sum(each < radius for each in near) >= k)
        lists[0 if kept[-1] else 1].append((x, y))
    return distances, kept


def age_polarity_sums(events, window, radius, depth=1):
    past, found = Past(depth), []
    for t, x, y, p in rows(events):
        near = past.near(x, y, radius)
        found.append(sum(max(window - abs(t - u), 0) for _, _, u, q in near if q == p) / window)
        past.add(x, y, t, p)
    return found


def surface_means(events, tau, radius):
    past, found = Past(), []
    for t, x, y, p in rows(events):
        heights = [math.exp(-abs(t - u) / tau) for _, _, u, q in past.near(x, y, radius, own=True) if q == p]
        found.append(sum(heights) / max(len(heights), 1))
        past.add(x, y, t, p)
    return found


def plane_speeds(events, window, radius):
    past, found = Past(), []
    for t, x, y, p in rows(events):
        near = [(i, j, abs(t - u)) for i, j, u, q in past.near(x, y, radius) if q == p and abs(t - u) < window]
        points = np.array([(0, 0, 0), *near], float)
        speed = INF
        if len(points) >= 4:
            matrix = np.column_stack([points[:, :2], np.ones(len(points))])
            solution, _, rank, _ = np.linalg.lstsq(matrix, points[:, 2], rcond=None)
            slope = math.hypot(solution[0], solution[1])
            if rank == 3 and slope > 1e-6:
                speed = 1e6 / slope
        found.append(speed)
        past.add(x, y, t, p)
    return found


def mlp_logits(events, network, window):
    past, found = Past(), []
    for t, x, y, p in rows(events):
        ages, signs = np.zeros((7, 7)), np.zeros((7, 7))
        for i, j, u, q in past.near(x, y, 3, own=True):
            if abs(t - u) <= window:
                ages[i + 3, 3 - j] = max(0.0, 1 - abs(t - u) / window)
                signs[i + 3, 3 - j] = 2 * q - 1
        signs[3, 3] = 2 * p - 1
        hidden = np.maximum(np.concatenate([ages.ravel(), signs.ravel()]) @ network.w1 + network.b1, 0)
        found.append(float(hidden @ network.w2 + network.b2))
        past.add(x, y, t, p)
    return found
