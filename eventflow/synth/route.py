"""A route of a kilometre, driven with changing speed and distance to the houses. Truth: Place and Pose.

Made to try place recognition: a place a metre, stretches that look like earlier ones, detours and jumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.messages import Place, Pose
from eventflow.synth import hashing
from eventflow.synth.sensor import whole
from eventflow.synth.shapes import positive
from eventflow.synth.texture import intensity_from_share, noise_texture, sampled
from eventflow.units import ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TEXELS_PER_M = 16
_HOUSES_M = 4.0
_POSTS_M = 2.2
_EYE_M = 1.0
_STRETCH_M = 50
_CYCLE_M = 100
_KNOT_M = 12.0
_TABLE_US = 10_000
_MOST_PLACES = 4096
_SPEED, _OFFSET, _JUMP, _DETOUR, _POST, _BOX = 21, 22, 23, 24, 25, 26  # streams of random numbers


@jit
def _view(
    houses: NDArray[np.float32],
    ground: NDArray[np.float32],
    posts: NDArray[np.float32],
    along: float,
    travelled: float,
    aside: float,
    detour: float,
    light: float,
    image: NDArray[np.float32],
) -> None:
    """Draw the street from the point `along` (m); what lies in a detour of the distance `travelled` is another street.

    `houses` and `ground` hold both streets, (2, rows, columns); `posts` cover and intensity of both, (2, 2, columns).
    """
    height, width = image.shape
    focal = float(width)
    for y in range(height):
        below = y - 0.5 * (height - 1)
        on_ground = below * (_HOUSES_M + aside) > focal * _EYE_M
        behind_posts = below * (_POSTS_M + aside) <= focal * _EYE_M
        depth = focal * _EYE_M / below if on_ground else _HOUSES_M + aside
        v = (depth - aside if on_ground else below * depth / focal + 2.5) * _TEXELS_PER_M
        for x in range(width):
            side = (x - 0.5 * (width - 1)) / focal
            u = along + side * depth
            street = 1 if _in_detour(travelled + side * depth, detour) else 0
            plane = ground[street] if on_ground else houses[street]
            value = sampled(plane, u * _TEXELS_PER_M, v)
            if behind_posts:
                near = side * (_POSTS_M + aside)
                street = 1 if _in_detour(travelled + near, detour) else 0
                cover = sampled(posts[street, 0:1], (along + near) * _TEXELS_PER_M, 0.0)
                if cover > 0.0:
                    value += cover * (sampled(posts[street, 1:2], (along + near) * _TEXELS_PER_M, 0.0) - value)
            image[y, x] = np.float32(light * value)


@jit
def _in_detour(travelled: float, detour: float) -> bool:
    """Whether a point of the drive lies in a detour: the last `detour` m of every cycle."""
    return bool(travelled > 0.0 and travelled % _CYCLE_M >= _CYCLE_M - detour)


@dataclass(kw_only=True)
class Route:
    """A drive past houses and posts, in metres; the truth is the place beside the camera and its pose.

    Two drives with one `route` are two traverses of the same places: give them another `seed`, `speed`, `sway` or
    `light`. The street is a ring; all of it is driven unless a duration is given.

    Attributes:
        width: sensor width, px; the view is as wide as the distance to what is seen.
        height: sensor height, px.
        seed: of the drive; the street does not depend on it.
        route: number of the street.
        places: its length; a place is a metre.
        repeated: share of the street that looks like an earlier stretch of it.
        speed: mean speed, m/s.
        unsteady: the speed varies between the mean over this and the mean times this; 1 is steady.
        sway: the distance to the houses varies by up to this, m.
        contrast: of everything seen; 1 is full.
        light: 1 is full daylight.
        begin: where the drive begins, m.
        away: share of the drive that leads through other streets, where there is no place.
        jumps: how often, at even distances, the camera is carried to another place.
    """

    STEP_US: ClassVar[int] = ms(4)

    width: int
    height: int
    seed: int
    route: int = 0
    places: int = 1000
    repeated: float = 0.2
    speed: float = 4.0
    unsteady: float = 1.0
    sway: float = 0.0
    contrast: float = 1.0
    light: float = 1.0
    begin: float = 0.0
    away: float = 0.0
    jumps: int = 0

    def __post_init__(self) -> None:
        positive(self, "places", low=20)
        positive(self, "unsteady", low=1.0)
        positive(self, "jumps", low=0)
        for name, low, high in (
            ("places", 20, _MOST_PLACES),
            ("repeated", 0.0, 0.5),
            ("speed", 0.01, 100.0),
            ("sway", 0.0, 1.0),
            ("contrast", 0.0, 1.0),
            ("light", 0.0, 1.0),
            ("away", 0.0, 0.9),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"{name} is {getattr(self, name)}, expected {low:g} to {high:g}")
        streets = [self._street(self.route), self._street(self.route + 100_003)]
        self._houses = np.stack([street[0] for street in streets])
        self._ground = np.stack([street[1] for street in streets])
        self._posts = np.stack([street[2] for street in streets])
        self._travel = self._timetable()
        self.image = np.zeros((self.height, self.width), np.float32)
        self.draw(0)

    @property
    def duration(self) -> int:
        """How long the whole ring takes, µs."""
        return int(np.searchsorted(self._travel, float(self.places))) * _TABLE_US

    def _street(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        columns = self.places * _TEXELS_PER_M
        houses = noise_texture(number, columns, 6 * _TEXELS_PER_M, finest=6.0)
        _add_boxes(houses, hashing.key_from_seed(number), 2 * self.places)
        ground = noise_texture(number + 1, columns, 6 * _TEXELS_PER_M, finest=4.0)
        posts = np.zeros((2, columns), np.float32)
        draws = hashing.uniforms(number, _POST, 3 * max(self.places // 12, 1)).reshape(-1, 3)
        for index, (shift, wide, bright) in enumerate(draws):
            left = int((index + 0.8 * shift) * columns / len(draws))
            posts[0, left : left + 2 + int(3 * wide)] = 1.0
            posts[1, max(left - 1, 0) : left + 6] = bright
        for plane in (houses, ground, posts):
            self._repeat(plane, number)
        looks = [intensity_from_share(0.5 + self.contrast * (share - 0.5)) for share in (houses, ground, posts[1])]
        return looks[0], looks[1], np.stack([posts[0], looks[2]])

    def _repeat(self, plane: NDArray[np.floating], number: int) -> None:
        """Give a part of every stretch but the first the look of a part of the one before."""
        stretches = max(self.places // _STRETCH_M, 2)
        length = self.places / stretches
        copied = int(self.repeated * self.places / (stretches - 1) * _TEXELS_PER_M)
        copied = min(copied, int(length * _TEXELS_PER_M) - 1)
        for index in range(1, stretches):
            from_, to = hashing.uniforms(number, hashing.LAYOUT + index, 2) * (length * _TEXELS_PER_M - copied)
            source = int((index - 1) * length * _TEXELS_PER_M + from_)
            target = int(index * length * _TEXELS_PER_M + to)
            plane[:, target : target + copied] = plane[:, source : source + copied].copy()

    def _timetable(self) -> NDArray[np.float64]:
        """Return the distance travelled every 10 ms, m: the logarithm of the speed goes from knot to knot."""
        slowest = self.speed / self.unsteady
        count = int(1.05 * self.places / slowest * 1_000_000 / _TABLE_US) + 2
        knots = hashing.uniforms(self.seed, _SPEED, int(count * _TABLE_US * 1e-6 / 3.0) + 2)
        factor = self.unsteady ** (2.0 * np.interp(np.arange(count) * _TABLE_US * 1e-6 / 3.0, *_numbered(knots)) - 1.0)
        return np.concatenate([[0.0], np.cumsum(self.speed * factor * _TABLE_US * 1e-6)])

    def _where(self, t: int) -> tuple[float, float, float]:
        """Return where the camera is at `t` (µs): along the street, travelled, and to the side, m."""
        last = len(self._travel) - 1
        beyond = max(t / _TABLE_US - last, 0.0) * (self._travel[-1] - self._travel[-2])
        travelled = float(np.interp(t / _TABLE_US, np.arange(last + 1), self._travel) + beyond)
        leg = int(travelled * (self.jumps + 1) / self.places)
        carried = self.places * hashing.uniforms(self.seed, _JUMP, leg + 1)[leg] if leg and self.jumps else 0.0
        knot = int(travelled / _KNOT_M)
        sides = 2.0 * hashing.uniforms(self.seed, _OFFSET, knot + 2)[knot:] - 1.0
        share = travelled / _KNOT_M - knot
        aside = self.sway * (sides[0] + share * share * (3 - 2 * share) * (sides[1] - sides[0]))
        return self.begin + travelled + float(carried), travelled, float(aside)

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs)."""
        along, travelled, aside = self._where(t)
        detour = self.away * _CYCLE_M
        _view(self._houses, self._ground, self._posts, along, travelled, aside, detour, float(self.light), self.image)
        return whole(self.width, self.height)

    def truth(self, t: int) -> tuple[Place, Pose]:
        """Return the place at `t` (µs), -1 on a detour, and the pose: x along the street, y to the side, m."""
        along, travelled, aside = self._where(t)
        along %= self.places
        detour = _in_detour(travelled, self.away * _CYCLE_M)
        place = -1 if detour else int(along)
        position = np.array([along, -aside - (1000.0 if detour else 0.0), 0.0])
        return Place(t=t, place=place, score=1.0), Pose(t, position, np.array([0.0, 0.0, 0.0, 1.0]))


def _numbered(knots: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.arange(len(knots)), knots


@jit
def _add_boxes(share: NDArray[np.float64], key: np.uint64, count: int) -> None:
    """Put doors, windows and signs on houses: rectangles of random place, size and brightness."""
    rows, columns = share.shape
    for number in range(count):
        left = int(hashing.random_uniform(key, _BOX, 5 * number) * columns)
        top = int(hashing.random_uniform(key, _BOX, 5 * number + 1) * rows)
        wide = 4 + int(hashing.random_uniform(key, _BOX, 5 * number + 2) * 20)
        high = 4 + int(hashing.random_uniform(key, _BOX, 5 * number + 3) * 24)
        bright = hashing.random_uniform(key, _BOX, 5 * number + 4)
        for y in range(top, min(top + high, rows)):
            for x in range(left, left + wide):
                share[y, x % columns] = 0.3 * share[y, x % columns] + 0.7 * bright
