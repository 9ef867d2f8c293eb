"""The loops of the cluster tracker: events join clusters, and once a millisecond clusters move, meet and end.

Lengths are px and speeds px/s, float64; times are int64 µs. A box is 2 half_w x 2 half_h; the gate, where a cluster
takes events from, is larger.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.kernels.words import x_of, y_of

CLUSTER_DTYPE = np.dtype(
    [
        ("id", "i8"),  # 0: the slot is free
        ("born", "i8"),
        ("last", "i8"),  # when it last had the support of an object
        ("shown", "i8"),  # 1: an object, reported; 0: a candidate, or an object out of sight
        ("grown", "i8"),  # 1: has been shown
        ("met", "i8"),  # how long it has overlapped another, µs; 0: it does not
        ("x", "f8"),  # at the start of the step
        ("y", "f8"),
        ("vx", "f8"),
        ("vy", "f8"),
        ("half_w", "f8"),
        ("half_h", "f8"),
        ("mass", "f8"),
        # sums over the events of this step, positions relative to the predicted centre
        ("n", "f8"),
        ("dx", "f8"),
        ("dy", "f8"),
        ("dxx", "f8"),
        ("dyy", "f8"),
        ("var_x", "f8"),
        ("var_y", "f8"),
        # forgetful sums of the line fit, times in s before the start of the step
        ("s", "f8"),
        ("st", "f8"),
        ("stt", "f8"),
        ("sx", "f8"),
        ("sy", "f8"),
        ("stx", "f8"),
        ("sty", "f8"),
    ],
    align=True,
)
CLOCK_DTYPE = np.dtype(
    [
        ("t", "i8"),  # start of the step
        ("latest", "i8"),  # time of the last event
        ("due", "i8"),  # time of the next report
        ("next_id", "i8"),
        ("busy", "i8"),  # 1: something has happened since the last report, or may yet
        ("stray", "f8"),  # events of this step that belong to no object
        ("noise", "f8"),  # events a step and px that belong to no object, forgetful mean
        ("known", "f8"),  # how much of its memory that mean has filled, 0 to 1
    ]
)

STEP = 1000
NEVER = -(1 << 62)
_STEP_S = 1e-3
_KEEP_MASS = math.exp(-1 / 10)
_KEEP_FIT = math.exp(-1 / 30)
_LOW_PASS = 1 - math.exp(-1 / 10)
_EDGE = 1.25  # half a side over the standard deviation of the events of a moving outline: 1.22 for disc and square
_GATE = 1.6  # gate over box
_BOND = 1.2
_NEAR = 1.25  # before they touch, for then each would take events of the other
_LARGEST = 0.65  # half a box over the expected diameter
_MIN_HALF = 2.0
_MIN_MASS = 20.0
_RIPE_US = 20_000
_LEAST_MASS = 10.0
_LEARN_NOISE = 1 - math.exp(-1 / 200)
_LONGEST_MEETING_US = 1_000_000
_OUTSIDE = 4.0  # no distance inside a gate is as large
_FAR_BITS = int(np.array(_OUTSIDE).view(np.int64))
_INDEX = 1023
_LEAST_SPREAD = (2e-3) ** 2  # s^2: velocity grows from 0 until the fit spans a few ms


@jit
def follow(words: Any, at: Any, clusters: Any, clock: Any, limits: Any, every: Any, dates: Any, rows: Any) -> Any:
    """Take the events from number `at` on, reporting what falls due, until `dates` is full.

    Returns:
        The number of the first event not taken, and the number of reports.
    """
    now = clock[0]
    count = 0
    # what every event is held against lies column by column, so that a vector of clusters is tested at once
    gates, near, spare = np.empty((7, len(clusters))), np.empty(len(clusters)), np.empty(1, np.int64)
    bits = near.view(np.int64)
    _lay_out(clusters, gates, spare, limits)
    for i in range(at, len(words) // 2):
        t = words[2 * i]
        if now.busy == 0:
            now.due = (t // every + 1) * every
            now.busy = 1
        elif t >= now.due:
            count = report(t, clusters, clock, limits, every, dates, rows, count)
            if now.busy > 0 and t >= now.due:
                return i, count
            now.due = now.due if now.busy > 0 else (t // every + 1) * every
            now.busy = 1
            _lay_out(clusters, gates, spare, limits)
        if t >= now.t + STEP:
            pass_time(t, clusters, clock, limits)
            _lay_out(clusters, gates, spare, limits)
        now.latest = t
        now.stray += 1
        x, y = np.float64(x_of(words[2 * i + 1])), np.float64(y_of(words[2 * i + 1]))
        _join(x, y, t, clusters, gates, near, bits, spare, now, limits)
    return len(words) // 2, count


@jit
def report(t: Any, clusters: Any, clock: Any, limits: Any, every: Any, dates: Any, rows: Any, count: Any) -> Any:
    """Write the reports due at `t` or before, after `count` others, until `dates` is full; return how many there are.

    Report r has the date dates[r, 0] and of `rows` (id, x, y, vx, vy, w, h, mass) the columns from dates[r - 1, 1] to
    dates[r, 1], by id.
    """
    now = clock[0]
    while now.busy > 0 and now.due <= t and count < len(dates):
        pass_time(now.due, clusters, clock, limits)
        end = dates[count - 1, 1] if count > 0 else 0
        latest_id, alive = 0, 0
        for c in clusters:
            alive |= c.id > 0
        while True:
            chosen = -1
            for i in range(len(clusters)):
                c = clusters[i]
                if c.shown > 0 and c.id > latest_id and (chosen < 0 or c.id < clusters[chosen].id):
                    chosen = i
            if chosen < 0:
                break
            c = clusters[chosen]
            latest_id = c.id
            since = (now.due - now.t) * 1e-6
            rows[0, end], rows[1, end], rows[2, end] = c.id, c.x + c.vx * since, c.y + c.vy * since
            rows[3, end], rows[4, end] = c.vx, c.vy
            rows[5, end], rows[6, end], rows[7, end] = 2 * c.half_w, 2 * c.half_h, c.mass
            end += 1
        dates[count, 0], dates[count, 1] = now.due, end
        count += 1
        now.due += every
        now.busy = alive
    return count


@jit
def pass_time(t: Any, clusters: Any, clock: Any, limits: Any) -> None:
    """Take every whole millisecond up to `t`."""
    now = clock[0]
    while now.t + STEP <= t:
        alive = 0
        for c in clusters:
            alive += c.id > 0
        if alive == 0:
            now.t = t // STEP * STEP
            return
        for c in clusters:
            if c.id > 0:
                now.stray -= c.n * (c.last == now.t)
                _move(c, now.noise, limits)
        _measure_noise(clusters, now, limits)
        now.t += STEP
        _meet(clusters, limits)
        for c in clusters:
            if c.id > 0:
                _judge(c, now, limits)


@jit
def _lay_out(clusters: Any, gates: Any, spare: Any, limits: Any) -> None:
    spare[0] = 0
    for i in range(len(clusters)):
        _lay_out_one(clusters[i], gates, i, limits)
        spare[0] += clusters[i].id == 0


@jit
def _lay_out_one(c: Any, gates: Any, i: Any, limits: Any) -> None:
    _, _, reach, _, _ = limits
    gates[0, i], gates[1, i], gates[2, i], gates[3, i] = c.x, c.y, c.vx, c.vy
    gates[4, i] = 1 / _gate(c.half_w, c.half_h, c.grown, reach)
    gates[5, i] = 1 / _gate(c.half_h, c.half_w, c.grown, reach)
    gates[6, i] = 2.0 * (c.grown == 0)  # any object comes before any candidate, whose gate is wide
    if c.id == 0:
        gates[0, i] = np.inf  # nothing is near it


@jit(inline="always")  # type: ignore[untyped-decorator]
def _join(
    x: Any, y: Any, t: Any, clusters: Any, gates: Any, near: Any, bits: Any, spare: Any, now: Any, limits: Any
) -> None:
    since = (t - now.t) * 1e-6
    for i in range(len(near)):
        off_x, off_y = abs(x - gates[0, i] - gates[2, i] * since), abs(y - gates[1, i] - gates[3, i] * since)
        distance = off_x * gates[4, i] + off_y * gates[5, i] + gates[6, i]
        near[i] = distance if (off_x * gates[4, i] < 1.0) & (off_y * gates[5, i] < 1.0) else _OUTSIDE
    # the least of the bits of numbers that are not negative is that of the numbers; the last ones say whose it is
    best = _FAR_BITS
    for i in range(len(bits)):
        best = min(best, bits[i] & ~_INDEX | i)
    if best < _FAR_BITS:
        c = clusters[best & _INDEX]
        dx, dy = x - c.x - c.vx * since, y - c.y - c.vy * since
        c.n += 1
        c.dx += dx
        c.dy += dy
        c.dxx += dx * dx
        c.dyy += dy * dy
    elif spare[0] > 0:
        free = len(clusters) - 1
        while clusters[free].id != 0:
            free -= 1
        _start(clusters[free], x, y, t, now, limits[2])
        _lay_out_one(clusters[free], gates, free, limits)
        spare[0] -= 1


@jit
def _gate(half: Any, other: Any, grown: Any, reach: Any) -> Any:
    # A side parallel to the motion makes few events, so the box may seem flatter than the object is
    return _GATE * max(half, 0.6 * other) + 3.0 if grown > 0 else reach


@jit
def _measure_noise(clusters: Any, now: Any, limits: Any) -> None:
    width, height, reach, _, _ = limits
    free = width * height
    for c in clusters:
        if c.id > 0 and c.grown > 0:
            free -= 4 * _gate(c.half_w, c.half_h, 1, reach) * _gate(c.half_h, c.half_w, 1, reach)
    now.known += _LEARN_NOISE * (1 - now.known)
    now.noise += _LEARN_NOISE / now.known * (now.stray / max(free, 0.25 * width * height) - now.noise)
    now.stray = 0.0


@jit
def _start(c: Any, x: Any, y: Any, t: Any, now: Any, reach: Any) -> None:
    now.next_id += 1
    c.id, c.born, c.last, c.shown, c.grown, c.met = now.next_id, t, t, 0, 0, 0
    c.x, c.y, c.vx, c.vy = x, y, 0.0, 0.0
    c.half_w, c.half_h = 0.5 * reach, 0.5 * reach
    c.mass, c.n, c.dx, c.dy, c.dxx, c.dyy = 0.0, 1.0, 0.0, 0.0, 0.0, 0.0
    c.var_x = c.var_y = (0.5 * reach / _EDGE) ** 2
    c.s, c.st, c.stt, c.sx, c.sy, c.stx, c.sty = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


@jit
def _move(c: Any, noise: Any, limits: Any) -> None:
    _, _, reach, _, _ = limits
    # What noise adds to the sums is taken off again: it lies evenly in the gate, so its mean is the centre
    gate_x, gate_y = _gate(c.half_w, c.half_h, c.grown, reach), _gate(c.half_h, c.half_w, c.grown, reach)
    stray = noise * 4 * gate_x * gate_y * c.grown
    n = c.n - stray
    c.mass = max(c.mass * _KEEP_MASS + n, 0.0)
    if c.met == 0:
        mid_x, mid_y = c.x + 0.5 * _STEP_S * c.vx, c.y + 0.5 * _STEP_S * c.vy
        _fit(c, n, n * mid_x + c.dx, n * mid_y + c.dy)
        weight = 1 / max(c.mass, _LEAST_MASS)
        c.var_x += weight * (c.dxx - stray * gate_x * gate_x / 3 - n * c.var_x)
        c.var_y += weight * (c.dyy - stray * gate_y * gate_y / 3 - n * c.var_y)
        c.var_x = min(max(c.var_x, 0.0), (_LARGEST * reach / _EDGE) ** 2)
        c.var_y = min(max(c.var_y, 0.0), (_LARGEST * reach / _EDGE) ** 2)
        c.half_w = max(_EDGE * math.sqrt(c.var_x), _MIN_HALF)
        c.half_h = max(_EDGE * math.sqrt(c.var_y), _MIN_HALF)
        c.x += weight * c.dx
        c.y += weight * c.dy
    else:
        _remember(c, 1.0)
    c.x += c.vx * _STEP_S
    c.y += c.vy * _STEP_S
    c.n, c.dx, c.dy, c.dxx, c.dyy = 0.0, 0.0, 0.0, 0.0, 0.0


@jit
def _remember(c: Any, keep: Any) -> None:
    # The clock of the fit is moved on by a step; between 0 and 1 of what it knows is kept
    h = _STEP_S
    c.stt = keep * (c.stt - 2 * h * c.st + h * h * c.s)
    c.stx = keep * (c.stx - h * c.sx)
    c.sty = keep * (c.sty - h * c.sy)
    c.st = keep * (c.st - h * c.s)
    c.s, c.sx, c.sy = keep * c.s, keep * c.sx, keep * c.sy


@jit
def _fit(c: Any, n: Any, sum_x: Any, sum_y: Any) -> None:
    _remember(c, _KEEP_FIT)
    age = -0.5 * _STEP_S  # what is new lies in the middle of the step
    c.stt += n * age * age
    c.stx += age * sum_x
    c.sty += age * sum_y
    c.st += n * age
    c.s += n
    c.sx += sum_x
    c.sy += sum_y
    if c.s > _LEAST_MASS:
        mean_t = c.st / c.s
        spread = c.stt / c.s - mean_t * mean_t + _LEAST_SPREAD
        c.vx += _LOW_PASS * ((c.stx / c.s - mean_t * c.sx / c.s) / spread - c.vx)
        c.vy += _LOW_PASS * ((c.sty / c.s - mean_t * c.sy / c.s) / spread - c.vy)


@jit
def _meet(clusters: Any, limits: Any) -> None:
    _, _, reach, _, _ = limits
    for c in clusters:
        c.met = -c.met  # still to be found together with another
    for i in range(len(clusters)):
        for j in range(i + 1, len(clusters)):
            a, b = clusters[i], clusters[j]
            if a.id == 0 or b.id == 0:
                continue
            off_x, off_y = abs(a.x - b.x), abs(a.y - b.y)
            if a.grown > 0 and b.grown > 0 and _relative_speed(a, b) > 0.35:
                if off_x < _NEAR * (a.half_w + b.half_w) and off_y < _NEAR * (a.half_h + b.half_h):
                    a.met = a.met if a.met > 0 else STEP - a.met
                    b.met = b.met if b.met > 0 else STEP - b.met
            elif off_x < _bond(a, b, a.half_w, b.half_w, reach) and off_y < _bond(a, b, a.half_h, b.half_h, reach):
                if (a.grown, -a.id) >= (b.grown, -b.id):
                    _merge(a, b)
                else:
                    _merge(b, a)
    for c in clusters:
        if c.met < 0 or c.met > _LONGEST_MEETING_US:
            c.met = 0


@jit
def _bond(a: Any, b: Any, half_a: Any, half_b: Any, reach: Any) -> Any:
    # How near two must be, along one axis, to be one object
    if a.grown == 0 and b.grown == 0:
        return reach
    if a.grown == b.grown and _relative_speed(a, b) < 0.2:
        return max(0.9 * reach, _BOND * (half_a + half_b))  # two edges of one object
    return _BOND * (half_a + half_b) if a.grown == b.grown else _BOND * _GATE * max(half_a * a.grown, half_b * b.grown)


@jit
def _relative_speed(a: Any, b: Any) -> Any:
    fastest = max(math.hypot(a.vx, a.vy), math.hypot(b.vx, b.vy), 20.0)
    return math.hypot(a.vx - b.vx, a.vy - b.vy) / fastest


@jit
def _merge(a: Any, b: Any) -> None:
    b.id, b.shown = 0, 0
    if a.grown > 0 and b.mass < 0.1 * a.mass:
        return  # a few strays beside an object
    whole = a.mass + b.mass
    share = b.mass / whole if whole > 0 else 0.5
    gap_x, gap_y = b.x - a.x, b.y - a.y
    a.var_x += share * (b.var_x - a.var_x) + share * (1 - share) * gap_x * gap_x
    a.var_y += share * (b.var_y - a.var_y) + share * (1 - share) * gap_y * gap_y
    a.x += share * gap_x
    a.y += share * gap_y
    a.mass = whole
    # The fit moves along: the jump of the centre is no motion
    a.sx += a.s * share * gap_x
    a.sy += a.s * share * gap_y
    a.stx += a.st * share * gap_x
    a.sty += a.st * share * gap_y


@jit
def _judge(c: Any, now: Any, limits: Any) -> None:
    width, height, reach, min_rate, hold = limits
    t = now.t
    if c.met > 0:
        c.last = t  # whose events are whose cannot be told
        return
    gate = 4 * _gate(c.half_w, c.half_h, c.grown, reach) * _gate(c.half_h, c.half_w, c.grown, reach)
    noise = now.noise * gate / (1 - _KEEP_MASS) * c.grown
    area = 4 * max(c.half_w, 3.0) * max(c.half_h, 3.0)
    supported = c.mass >= _MIN_MASS + 0.5 * noise and c.mass >= min_rate * 10_000 * area
    if supported:
        c.last = t
    if supported and t - c.born >= _RIPE_US:
        c.shown, c.grown = 1, 1
    elif not supported:
        c.shown = 0
    beyond = c.x < 0 or c.y < 0 or c.x >= width or c.y >= height
    if t - c.last > (hold if c.grown > 0 else STEP * 10) or (beyond and not supported):
        c.id, c.shown = 0, 0
