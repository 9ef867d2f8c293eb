"""The pixel: a low-passed log intensity that is compared with the level memorised at the last event.

One record a pixel, 32 bytes, so that a pixel an edge moves over costs one cache line. Only pixels whose value is not at
rest are followed; they stand in `active`. A pixel is at rest exactly if its value equals its level.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import SIGNAL
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

Records = Any
"""An array of records, NDArray[np.void], whose fields compiled loops read as attributes."""

NEVER = -(1 << 62)
"""The time of the last event of a pixel that has had none, µs."""

PIXEL_DTYPE = np.dtype(
    [
        ("intensity", "<f4"),  # what falls on the pixel, relative to full scale
        ("level", "<f4"),  # ln(intensity + dark): where the value goes
        ("value", "<f4"),  # the photoreceptor's low-passed output
        ("memory", "<f4"),  # the value at the last crossing
        ("on", "<f4"),  # threshold for a rise, natural log units
        ("off", "<f4"),  # threshold for a fall, positive
        ("last", "<i8"),  # time of the last event, µs
    ]
)

CANDIDATE_DTYPE = np.dtype([("offset", "<i4"), ("pixel", "<i4"), ("p", "u1"), ("label", "u1")])
"""An event before the refractory period: µs within the step, pixel number, polarity, label."""

SETTLED = 1e-4
_AMBIENT = 0.08


@jit
def look(
    image: NDArray[np.float32],
    rects: NDArray[np.int64],
    pixels: Records,
    active: NDArray[np.int32],
    count: int,
    dark: float,
) -> int:
    """Take over the pixels of `image` that changed within `rects` (rows x0, y0, x1, y1) and return how many are active.

    A pixel enters `active` when it leaves its rest, so none can stand there twice.
    """
    width = image.shape[1]
    offset = np.float32(dark)
    for r in range(rects.shape[0]):
        for y in range(rects[r, 1], rects[r, 3]):
            for x in range(rects[r, 0], rects[r, 2]):
                pixel = pixels[y * width + x]
                intensity = image[y, x]
                if intensity != pixel.intensity:
                    if pixel.value == pixel.level:
                        active[count] = y * width + x
                        count += 1
                    pixel.intensity = intensity
                    pixel.level = np.float32(math.log(max(intensity, np.float32(0.0)) + offset))
    return count


@jit
def follow(
    pixels: Records,
    active: NDArray[np.int32],
    progress: NDArray[np.int64],
    found: Records,
    found_count: int,
    step_us: int,
    bandwidth: float,
) -> int:
    """Move the active pixels one step on and write their threshold crossings to `found`; return the new `found_count`.

    The value follows its level as a first-order low-pass whose cut-off is proportional to intensity, as in v2e (Hu et
    al. 2021, sec. 3), integrated by backward Euler, which is stable for every step and lags a ramp by exactly tau.
    Crossings are interpolated linearly between the two ends of the step.

    Args:
        pixels: PIXEL_DTYPE, shape (n,).
        active: int32; pixels that come to rest are taken out.
        progress: int64, (next to read, next to keep, end) in `active`. Where `found` is full the loop stops and can be
            called again with more room.
        found: CANDIDATE_DTYPE.
        found_count: how many are in use.
        step_us: length of the step, µs.
        bandwidth: cut-off at full intensity, Hz; 0 for no low-pass.
    """
    gain = 2.0 * math.pi * bandwidth * step_us * 1e-6 / (1.0 + _AMBIENT)
    i, kept, end = progress[0], progress[1], progress[2]
    while i < end:
        pixel = pixels[active[i]]
        before, level, memory = np.float64(pixel.value), np.float64(pixel.level), np.float64(pixel.memory)
        after = level
        if bandwidth > 0.0:
            weight = gain * (pixel.intensity + _AMBIENT)
            after = before + (level - before) * (weight / (1.0 + weight))
            if abs(level - after) < SETTLED:
                after = level
        rise = after - memory
        if rise >= pixel.on or rise <= -pixel.off:
            change = after - before
            if found_count + abs(rise) / min(pixel.on, pixel.off) + 2.0 > len(found):
                break
            polarity = 1 if rise > 0.0 else 0
            step = np.float64(pixel.on) if rise > 0.0 else -np.float64(pixel.off)
            while (after - memory) / step >= 1.0:
                memory += step
                candidate = found[found_count]
                offset = np.int64(step_us * (memory - before) / change) if change != 0.0 else 0
                candidate.offset = min(max(offset, 0), step_us - 1)
                candidate.pixel = active[i]
                candidate.p = polarity
                candidate.label = SIGNAL
                found_count += 1
            pixel.memory = np.float32(memory)
        pixel.value = np.float32(after)
        if pixel.value != pixel.level:
            active[kept] = active[i]
            kept += 1
        i += 1
    progress[0] = i
    progress[1] = kept
    return found_count


@jit
def settle(
    found: Records,
    found_count: int,
    ranks: NDArray[np.int32],
    starts: NDArray[np.int64],
    pixels: Records,
    width: int,
    t0: int,
    refractory_us: int,
    words: NDArray[np.int64],
    labels: NDArray[np.uint8],
    count: int,
) -> int:
    """Put the candidates of one step in time order, apply the refractory period and append the events.

    A counting sort by µs, stable. A crossing within `refractory_us` of the pixel's last event is lost, and its change
    with it, as in a pixel whose amplifier is held in reset (and in ESIM, Rebecq et al. 2018).

    Args:
        found: CANDIDATE_DTYPE.
        found_count: how many are in use.
        ranks: int32 scratch, at least as long as `found`.
        starts: int64 scratch, shape (step_us + 1,).
        pixels: PIXEL_DTYPE; `last` is read and written.
        width: sensor width, px.
        t0: start of the step, µs.
        refractory_us: at least 1: a pixel reports once a µs at most.
        words: events as two int64 each (t, then x | y << 16 | p << 32), with room for `found_count` more.
        labels: uint8, one an event.
        count: events written so far; the new number is returned.
    """
    starts[:] = 0
    for i in range(found_count):
        starts[found[i].offset + 1] += 1
    for offset in range(1, len(starts)):
        starts[offset] += starts[offset - 1]
    for i in range(found_count):
        offset = found[i].offset
        ranks[starts[offset]] = i
        starts[offset] += 1
    for i in range(found_count):
        candidate = found[ranks[i]]
        pixel = pixels[candidate.pixel]
        t = t0 + np.int64(candidate.offset)
        if t - pixel.last >= refractory_us:
            pixel.last = t
            place = np.int64(candidate.pixel)
            words[2 * count] = t
            words[2 * count + 1] = place % width | (place // width) << 16 | np.int64(candidate.p) << 32
            labels[count] = candidate.label
            count += 1
    return count
