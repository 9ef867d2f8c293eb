"""Scenes of shapes before a plain background. Truth: Tracks, one row a shape, in the order of their ids.

In the truth x and y are the centre, w and h the extents of the upright shape, and `mass` is the share of the shape that
can be seen, 0 to 1: a shape that is hidden keeps its row with mass 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError
from eventflow.messages import Tracks
from eventflow.synth import hashing, paths

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(kw_only=True)
class ShapeScene:
    """Base of the scenes of shapes: what differs is the table of shapes and which of them are objects.

    Attributes:
        width: sensor width, px.
        height: sensor height, px.
        seed: of whatever is left to chance.
        background: intensity behind the shapes, 0 to 1.
    """

    width: int
    height: int
    seed: int
    background: float = 0.4

    def __post_init__(self) -> None:
        self._shapes = self.table()
        self._poses = np.zeros(len(self._shapes), paths.POSE_DTYPE)
        self._truth_poses = np.zeros(len(self._shapes), paths.POSE_DTYPE)
        self._rects = np.zeros((max(len(self._shapes), 1), 4), np.int64)
        self._plain = np.full((self.height, self.width), self.background, np.float32)
        self.image = self._plain.copy()
        paths.pose_at(self._shapes, 0, self._poses)
        paths.paint(self._shapes, self._poses, self._plain, self.image, np.array([0, 0, self.width, self.height]))

    def table(self) -> NDArray[np.void]:
        """Return the shapes, SHAPE_DTYPE, the objects of the truth first or, where they lie behind, also first."""
        return np.zeros(0, paths.SHAPE_DTYPE)

    @property
    def objects(self) -> int:
        """How many of the shapes, from the first, are objects of the truth."""
        return len(self._shapes)

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs); return the rectangles that changed, int64, shape (n, 4)."""
        count = paths.draw(self._shapes, t, self._poses, self._plain, self.image, self._rects)
        return self._rects[:count]

    def truth(self, t: int) -> Tracks:
        """Return where the objects are at `t` (µs)."""
        poses, count = self._truth_poses, self.objects
        paths.pose_at(self._shapes, t, poses)
        seen = [paths.visible_share(self._shapes, poses, self.width, self.height, i) for i in range(count)]
        extent = _upright(self._shapes[:count])
        return Tracks(
            t=t,
            id=np.arange(count),
            x=poses["x"][:count].copy(),
            y=poses["y"][:count].copy(),
            vx=poses["vx"][:count].copy(),
            vy=poses["vy"][:count].copy(),
            w=extent[0],
            h=extent[1],
            mass=np.array(seen, np.float64),
        )


@dataclass(kw_only=True)
class Still(ShapeScene):
    """Nothing but a uniform grey: noise only. The truth has no rows."""


@dataclass(kw_only=True)
class Shapes(ShapeScene):
    """Discs, squares and triangles that move in straight lines, turn on themselves and bounce off the border.

    Attributes:
        count: how many.
        size: mean diameter, px; 0: a seventh of the shorter side.
        speed: mean speed, px/s.
        spin: largest turning speed of squares and triangles, rad/s.
    """

    count: int = 5
    size: float = 0.0
    speed: float = 150.0
    spin: float = 2.0

    def table(self) -> NDArray[np.void]:
        """Return shapes at random places with random headings, alternately bright and dark."""
        positive(self, "size", low=0.0)
        if not 0 <= self.count <= 1000:
            raise ParameterError(f"count is {self.count}, expected 0 to 1000")
        shapes = np.zeros(self.count, paths.SHAPE_DTYPE)
        draws = hashing.uniforms(self.seed, hashing.LAYOUT, 8 * self.count).reshape(self.count, 8)
        size = self.size or min(self.width, self.height) / 7
        shapes["kind"] = np.arange(self.count) % 3
        radius = 0.5 * size * (0.75 + 0.5 * draws[:, 0])
        shapes["half_w"] = shapes["half_h"] = radius
        heading = 2 * np.pi * draws[:, 3]
        speed = self.speed * (0.6 + 0.8 * draws[:, 4])
        shapes["vx"], shapes["vy"] = speed * np.cos(heading), speed * np.sin(heading)
        reach = radius * np.where(shapes["kind"] == paths.BOX, math.sqrt(2), 1.0)
        _within(shapes, reach, self.width, self.height, draws[:, 1], draws[:, 2])
        turning = shapes["kind"] != paths.DISC
        shapes["spin"] = np.where(turning, self.spin * (2 * draws[:, 5] - 1), 0.0)
        shapes["angle"] = 2 * np.pi * draws[:, 6]
        shapes["intensity"] = np.where(np.arange(self.count) % 2, 0.08, 0.9)
        return shapes


@dataclass(kw_only=True)
class Moving(Shapes):
    """One disc that moves in straight lines and bounces off the border.

    Attributes:
        count: how many.
    """

    count: int = 1


@dataclass(kw_only=True)
class Crossing(ShapeScene):
    """A bright disc and a dark square that run to and fro on two lines and meet where the lines cross.

    Attributes:
        size: diameter of the disc and side of the square, px; 0: a sixth of the shorter side.
        speed: speed, px/s.
        lag: time by which the square comes later to the crossing, µs; 0: the disc is behind the square there.
    """

    size: float = 0.0
    speed: float = 200.0
    lag: int = 0

    def table(self) -> NDArray[np.void]:
        """Return the disc and, above it, the square."""
        positive(self, "size", low=0.0)
        shapes = np.zeros(2, paths.SHAPE_DTYPE)
        shapes["kind"] = paths.DISC, paths.BOX
        shapes["half_w"] = shapes["half_h"] = 0.5 * (self.size or min(self.width, self.height) / 6)
        shapes["intensity"] = 0.9, 0.08
        x_low, x_high = 0.18 * self.width, 0.82 * self.width
        y_low, y_high = 0.25 * self.height, 0.75 * self.height
        length = math.hypot(x_high - x_low, y_high - y_low)
        shapes["x_low"], shapes["x_high"], shapes["y_low"], shapes["y_high"] = x_low, x_high, y_low, y_high
        shapes["vx"] = self.speed * (x_high - x_low) / length
        shapes["vy"] = self.speed * (y_high - y_low) / length
        shapes["x"], shapes["y"] = x_low, y_low
        # the square starts at the other upper corner and runs the other diagonal
        shapes["x"][1], shapes["vx"][1] = x_high, -shapes["vx"][1]
        shapes["x"][1] -= shapes["vx"][1] * self.lag * 1e-6
        shapes["y"][1] -= shapes["vy"][1] * self.lag * 1e-6
        return shapes


@dataclass(kw_only=True)
class Occlusion(ShapeScene):
    """A disc that runs to and fro behind an upright bar. While hidden it keeps its row in the truth, with mass 0.

    Attributes:
        size: diameter of the disc, px; 0: a sixth of the shorter side.
        speed: speed, px/s.
        bar: width of the bar, px; 0: one and a half diameters.
    """

    size: float = 0.0
    speed: float = 150.0
    bar: float = 0.0

    def table(self) -> NDArray[np.void]:
        """Return the disc and, above it, the bar."""
        positive(self, "size", low=0.0)
        positive(self, "bar", low=0.0)
        size = self.size or min(self.width, self.height) / 6
        shapes = np.zeros(2, paths.SHAPE_DTYPE)
        shapes["kind"] = paths.DISC, paths.BOX
        shapes["x"], shapes["y"] = (0.15 * self.width, 0.5 * self.width), 0.5 * self.height
        shapes["vx"] = self.speed, 0.0
        shapes["x_low"], shapes["x_high"] = 0.15 * self.width, 0.85 * self.width
        shapes["half_w"] = 0.5 * size, 0.5 * (self.bar or 1.5 * size)
        shapes["half_h"] = 0.5 * size, self.height
        shapes["intensity"] = 0.9, 0.15
        return shapes

    @property
    def objects(self) -> int:
        """The disc alone is an object."""
        return 1


def positive(scene: object, name: str, *, low: float) -> None:
    """Refuse a parameter below `low`, or no number."""
    value = getattr(scene, name)
    if not value >= low:  # NaN fails too
        raise ParameterError(f"{name} is {value!r}, expected at least {low:g}")


def _within(
    shapes: NDArray[np.void],
    reach: NDArray[np.float64],
    width: int,
    height: int,
    u: NDArray[np.float64],
    v: NDArray[np.float64],
) -> None:
    """Set ranges that keep each shape on the sensor, in its middle where it does not fit, and a place at (u, v)."""
    for axis, side, share in (("x", width, u), ("y", height, v)):
        middle = 0.5 * (side - 1)
        shapes[f"{axis}_low"] = np.minimum(reach, middle)
        shapes[f"{axis}_high"] = np.maximum(side - 1 - reach, middle)
        shapes[axis] = shapes[f"{axis}_low"] + share * (shapes[f"{axis}_high"] - shapes[f"{axis}_low"])


def _upright(shapes: NDArray[np.void]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    flat = shapes["kind"] == paths.TRIANGLE
    return (
        np.where(flat, math.sqrt(3.0), 2.0) * shapes["half_w"],
        np.where(flat, 1.5 * shapes["half_w"], 2.0 * shapes["half_h"]),
    )
