"""Shapes that move: positions in closed form, drawn with analytic anti-aliasing, only where they move.

A coordinate runs at constant speed and is reflected at both ends of its range, so its place at any time is exact and
independent of the step. A shape's coverage of a pixel is the signed distance of the pixel's centre to the outline, cut
to one pixel: for a straight edge moving at constant speed the intensity is then linear in time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.synth.pixels import Records

DISC, BOX, TRIANGLE = 0, 1, 2

SHAPE_DTYPE = np.dtype(
    [
        ("kind", "<i8"),
        ("x", "<f8"),  # centre at time 0, px
        ("y", "<f8"),
        ("vx", "<f8"),  # px/s
        ("vy", "<f8"),
        ("x_low", "<f8"),  # the centre is reflected at these
        ("x_high", "<f8"),
        ("y_low", "<f8"),
        ("y_high", "<f8"),
        ("half_w", "<f8"),  # half extent before turning, px; a disc's radius, a triangle's circumradius
        ("half_h", "<f8"),
        ("angle", "<f8"),  # at time 0, rad
        ("spin", "<f8"),  # rad/s
        ("intensity", "<f8"),
    ]
)

POSE_DTYPE = np.dtype([("x", "<f8"), ("y", "<f8"), ("vx", "<f8"), ("vy", "<f8"), ("cos", "<f8"), ("sin", "<f8")])


@jit
def reflected(start: float, velocity: float, low: float, high: float, seconds: float) -> tuple[float, float]:
    """Return place and velocity of a coordinate that runs between `low` and `high` and turns at once at both."""
    span = high - low
    if velocity == 0.0 or span <= 0.0:
        return start, 0.0
    along = (start - low + velocity * seconds) % (2.0 * span)
    if along < span:
        return low + along, velocity
    return high - (along - span), -velocity


@jit
def pose_at(shapes: Records, t: int, poses: Records) -> None:
    """Write where each shape is at `t` (µs) and how fast it moves (px/s)."""
    seconds = t * 1e-6
    for i in range(len(shapes)):
        shape, pose = shapes[i], poses[i]
        pose.x, pose.vx = reflected(shape.x, shape.vx, shape.x_low, shape.x_high, seconds)
        pose.y, pose.vy = reflected(shape.y, shape.vy, shape.y_low, shape.y_high, seconds)
        angle = shape.angle + shape.spin * seconds
        pose.cos, pose.sin = math.cos(angle), math.sin(angle)


@jit
def coverage(shape: Any, pose: Any, x: int, y: int) -> float:
    """Return the share of pixel (x, y) that the shape covers, 0 to 1."""
    dx, dy = x - pose.x, y - pose.y
    if shape.kind == DISC:
        outside = math.sqrt(dx * dx + dy * dy) - shape.half_w
    else:
        u, v = dx * pose.cos + dy * pose.sin, dy * pose.cos - dx * pose.sin
        if shape.kind == BOX:
            across, down = abs(u) - shape.half_w, abs(v) - shape.half_h
            outside = min(max(across, down), 0.0) + math.hypot(max(across, 0.0), max(down, 0.0))
        else:
            slanted = 0.5 * math.sqrt(3.0) * abs(u) - 0.5 * v
            outside = max(slanted, v) - 0.5 * shape.half_w
    return float(min(max(0.5 - outside, 0.0), 1.0))


@jit
def bounds(shape: Any, pose: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the pixels x0, y0, x1, y1 outside which the shape covers nothing."""
    reach = math.hypot(shape.half_w, shape.half_h) if shape.kind == BOX else shape.half_w
    across, down = reach, reach
    if shape.kind == BOX:
        across = abs(pose.cos) * shape.half_w + abs(pose.sin) * shape.half_h
        down = abs(pose.sin) * shape.half_w + abs(pose.cos) * shape.half_h
    x0 = min(max(math.floor(pose.x - across - 1.0), 0), width)
    y0 = min(max(math.floor(pose.y - down - 1.0), 0), height)
    x1 = min(max(math.ceil(pose.x + across + 2.0), 0), width)
    y1 = min(max(math.ceil(pose.y + down + 2.0), 0), height)
    return x0, y0, x1, y1


@jit
def draw(
    shapes: Records,
    t: int,
    poses: Records,
    background: NDArray[np.float32],
    image: NDArray[np.float32],
    rects: NDArray[np.int64],
) -> int:
    """Bring `image` from the time of `poses` to `t` (µs); return how many of `rects` were repainted.

    Later shapes lie over earlier ones.

    Args:
        shapes: SHAPE_DTYPE, shape (n,).
        t: µs.
        poses: POSE_DTYPE, shape (n,): where the shapes are in `image`; overwritten.
        background: float32, shape (height, width).
        image: float32, shape (height, width).
        rects: int64, shape (n, 4), overwritten.
    """
    height, width = image.shape
    count = 0
    for i in range(len(shapes)):
        if shapes[i].vx != 0.0 or shapes[i].vy != 0.0 or shapes[i].spin != 0.0:
            x0, y0, x1, y1 = bounds(shapes[i], poses[i], width, height)
            rects[count, 0], rects[count, 1], rects[count, 2], rects[count, 3] = x0, y0, x1, y1
            count += 1
    pose_at(shapes, t, poses)
    count = 0
    for i in range(len(shapes)):
        if shapes[i].vx != 0.0 or shapes[i].vy != 0.0 or shapes[i].spin != 0.0:
            x0, y0, x1, y1 = bounds(shapes[i], poses[i], width, height)
            rects[count, 0], rects[count, 1] = min(rects[count, 0], x0), min(rects[count, 1], y0)
            rects[count, 2], rects[count, 3] = max(rects[count, 2], x1), max(rects[count, 3], y1)
            count += 1
    for r in range(count):
        paint(shapes, poses, background, image, rects[r])
    return count


@jit
def paint(
    shapes: Records,
    poses: Records,
    background: NDArray[np.float32],
    image: NDArray[np.float32],
    rect: NDArray[np.int64],
) -> None:
    """Paint background and shapes within `rect` (x0, y0, x1, y1)."""
    height, width = image.shape
    for y in range(rect[1], rect[3]):
        for x in range(rect[0], rect[2]):
            image[y, x] = background[y, x]
    for i in range(len(shapes)):
        x0, y0, x1, y1 = bounds(shapes[i], poses[i], width, height)
        for y in range(max(y0, rect[1]), min(y1, rect[3])):
            for x in range(max(x0, rect[0]), min(x1, rect[2])):
                covered = coverage(shapes[i], poses[i], x, y)
                if covered > 0.0:
                    image[y, x] = np.float32(image[y, x] * (1.0 - covered) + shapes[i].intensity * covered)


@jit
def visible_share(shapes: Records, poses: Records, width: int, height: int, i: int) -> float:
    """Return how much of shape `i` is on the sensor and not behind later shapes, 0 to 1 of what it would cover."""
    reach = np.int64(math.ceil(max(shapes[i].half_w, shapes[i].half_h) * 1.5 + 2.0))
    x0, y0 = np.int64(math.floor(poses[i].x)) - reach, np.int64(math.floor(poses[i].y)) - reach
    seen, total = 0.0, 0.0
    for y in range(y0, y0 + 2 * reach + 2):
        for x in range(x0, x0 + 2 * reach + 2):
            covered = coverage(shapes[i], poses[i], x, y)
            total += covered
            if covered > 0.0 and 0 <= x < width and 0 <= y < height:
                for above in range(i + 1, len(shapes)):
                    covered *= 1.0 - coverage(shapes[above], poses[above], x, y)
                seen += covered
    return seen / total if total > 0.0 else 0.0
