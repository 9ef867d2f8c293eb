"""Events chosen or moved by what they are alone: polarity, place, and the camera's lens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.jit import jit
from eventflow.kernels.words import blank_words, events_from_words, p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Polarity = Literal["on", "off"]
_PLACE = np.int64(0xFFFFFFFF)
OUTSIDE = -1


def of_polarity(events: Events, polarity: Polarity) -> Events:
    """Return the events of one polarity, `on` or `off`.

    Raises:
        ParameterError: `polarity` is another word.
    """
    if polarity not in ("on", "off"):
        raise ParameterError(f"polarity is {polarity!r}, expected 'on' or 'off'")
    return _cut(events, np.full((events.height, events.width), 1 << (polarity == "on"), np.uint8))


def inside_mask(events: Events, mask: NDArray[np.bool_]) -> Events:
    """Return the events at pixels where `mask`, shape (height, width), is true.

    Raises:
        ParameterError: the mask has another shape.
    """
    if mask.shape != (events.height, events.width):
        raise ParameterError(
            f"the mask is {mask.shape[-1]}x{mask.shape[0]} px, the sensor {events.width}x{events.height}"
        )
    return _cut(events, np.where(mask, np.uint8(3), np.uint8(0)))


def region_mask(width: int, height: int, x: int, y: int, w: int, h: int) -> NDArray[np.bool_]:
    """Return the mask of the rectangle of `w` x `h` pixels whose top left pixel is (x, y).

    Raises:
        ParameterError: no pixel of it lies on the sensor.
    """
    if w < 1 or h < 1 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise ParameterError(f"region {w}x{h} at ({x}, {y}) has no pixel on the {width}x{height} sensor")
    mask = np.zeros((height, width), np.bool_)
    mask[max(y, 0) : y + h, max(x, 0) : x + w] = True
    return mask


def _cut(events: Events, allowed: NDArray[np.uint8]) -> Events:
    if events.labels is not None or events.scores is not None:
        chosen = (allowed[events.y, events.x] >> events.p) & 1
        return events[chosen.astype(np.bool_)]
    kept = blank_words(len(events))
    return events_from_words(kept, _keep_allowed(words_of(events), allowed, kept), events)


@jit
def _keep_allowed(words: Any, allowed: Any, kept: Any) -> Any:
    at = np.int64(0)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        kept[at], kept[at + 1] = t, place
        at += 2 * np.int64((np.uint64(allowed[y_of(place), x_of(place)]) >> p_of(place)) & np.uint64(1))
    return at // 2


def undistortion(
    width: int, height: int, camera: NDArray[np.float64], distortion: Sequence[float], *, fisheye: bool = False
) -> NDArray[np.int32]:
    """Return where each pixel lies in the image of a camera without distortion and the same camera matrix.

    OpenCV's camera model: `undistortPoints` with P = K (or its fisheye variant), to the nearest pixel.

    Args:
        width: of the sensor, px.
        height: of the sensor, px.
        camera: the camera matrix K, shape (3, 3), px.
        distortion: k1, k2, p1, p2[, k3[, k4, k5, k6]]; k1..k4 for a fisheye.
        fisheye: the lens model.

    Returns:
        int32, shape (height, width): `x | y << 16`, OUTSIDE where that is beyond the sensor.

    Raises:
        ParameterError: a number of coefficients that the model does not have.
    """
    import cv2

    counts = (4,) if fisheye else (0, 4, 5, 8, 12, 14)
    if len(distortion) not in counts:
        raise ParameterError(
            f"{len(distortion)} distortion coefficients; the model has {' or '.join(map(str, counts))}"
        )
    if camera[0, 0] <= 0 or camera[1, 1] <= 0:
        raise ParameterError(f"focal lengths are {camera[0, 0]:g} and {camera[1, 1]:g} px, expected above 0")
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 1, 2).astype(np.float64)
    model = cv2.fisheye.undistortPoints if fisheye else cv2.undistortPoints
    ideal = model(pixels, camera, np.array(distortion, np.float64), P=camera).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        x, y = np.floor(ideal + 0.5).T
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    packed = np.where(inside, x, 0).astype(np.int64) | np.where(inside, y, 0).astype(np.int64) << 16
    return np.where(inside, packed, OUTSIDE).astype(np.int32).reshape(height, width)


def undistort(events: Events, table: NDArray[np.int32]) -> Events:
    """Return the events where a camera without distortion would have seen them; those out of its image are dropped.

    Args:
        events: in any order; not written.
        table: from `undistortion`.

    Raises:
        ParameterError: the table is of another sensor.
    """
    if table.shape != (events.height, events.width):
        raise ParameterError(f"the table is of a {table.shape[1]}x{table.shape[0]} sensor")
    moved, mask = blank_words(len(events)), np.empty(len(events), np.bool_)
    count = _move(words_of(events), table, moved, mask)
    columns = (None if each is None else np.compress(mask, each) for each in (events.labels, events.scores))
    labels, scores = columns
    records = moved[: 2 * count].view(EVENT_DTYPE)
    return Events(records, events.width, events.height, ordered=events.ordered, labels=labels, scores=scores)


@jit
def _move(words: Any, table: Any, moved: Any, mask: Any) -> Any:
    at = np.int64(0)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        target = np.int64(table[y_of(place), x_of(place)])
        moved[at], moved[at + 1] = t, (place & ~_PLACE) | (target & _PLACE)
        mask[i] = target >= 0
        at += 2 * (target >= 0)
    return at // 2
