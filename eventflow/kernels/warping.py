"""Images of warped events and how sharp they are: what contrast maximisation makes and measures.

Gallego et al. 2018, "A unifying contrast maximization framework for event cameras", eq. 3 to 5; Gallego et al. 2019,
"Focus is all you need: loss functions for event-based vision", for the measures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_inside, check_window
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eventflow.events import Events


def warped_events(
    events: Events,
    t0: int,
    t1: int,
    vx: float | NDArray[np.float32],
    vy: float | NDArray[np.float32],
    *,
    t_ref: int | None = None,
    signed: bool = False,
) -> NDArray[np.float32]:
    """Return the image of events moved along their flow to one instant, each spread over four pixels.

        x' = x - vx (t - t_ref) / 1e6,  y' = y - vy (t - t_ref) / 1e6
        I[floor(y') + j, floor(x') + i] += s * weight       i, j in 0, 1; bilinear; what falls outside is left out

    Args:
        events: all with t0 <= t <= t1, in any order; not written.
        t0: start of the window, µs.
        t1: end of the window, µs.
        vx: flow, px/s, one number or float32 of shape (height, width), read at the event's own pixel.
        vy: likewise, downwards.
        t_ref: the instant, µs; None: t0.
        signed: let OFF events count -1 instead of 1.

    Returns:
        float32, shape (1, height, width).

    Raises:
        ParameterError: the window, or the shape or a value of the flow is not usable.
        EventsError: an event lies outside the window; `index` is the first.
    """
    check_window(t0, t1)
    flow = [_flow(values, events, name) for values, name in ((vx, "vx"), (vy, "vy"))]
    image = blank((1, events.height, events.width), np.float32)
    reference = t0 if t_ref is None else t_ref
    check_inside(events, _warped(words_of(events), t0, t1, reference, flow[0], flow[1], signed, image[0]), t0, t1)
    return image


def _flow(values: float | NDArray[np.float32], events: Events, name: str) -> NDArray[np.float32]:
    field = np.asarray(values, np.float32)
    field = field.reshape(1, 1) if field.ndim == 0 else np.ascontiguousarray(field)
    if field.shape not in ((1, 1), (events.height, events.width)):
        raise ParameterError(f"{name} has shape {field.shape}, expected one number or {(events.height, events.width)}")
    if not np.isfinite(field).all():
        raise ParameterError(f"{name} has values that are not finite")
    return field


def variance(image: NDArray[Any]) -> float:
    """Return the variance of an image over all pixels: greatest for the right motion (Gallego 2018, eq. 5)."""
    return float(np.var(image, dtype=np.float64))


def mean_square(image: NDArray[Any]) -> float:
    """Return the mean of the squares (Stoffregen and Kleeman 2017)."""
    return float(np.mean(np.square(image, dtype=np.float64)))


def gradient_magnitude(image: NDArray[Any]) -> float:
    """Return the mean squared length of the Sobel gradient (Gallego 2019, eq. 8); the border repeats its pixels."""
    plane = np.pad(_plane(image), 1, mode="edge")
    smooth = plane[:, :-2] + 2 * plane[:, 1:-1] + plane[:, 2:]
    down = smooth[2:] - smooth[:-2]
    smooth = plane[:-2] + 2 * plane[1:-1] + plane[2:]
    right = smooth[:, 2:] - smooth[:, :-2]
    return float(np.mean((down / 8) ** 2 + (right / 8) ** 2))


def laplacian_magnitude(image: NDArray[Any]) -> float:
    """Return the mean squared Laplacian (Gallego 2019, eq. 9); the border repeats its pixels."""
    plane = np.pad(_plane(image), 1, mode="edge")
    middle = plane[1:-1, 1:-1]
    return float(np.mean((plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:] - 4 * middle) ** 2))


def sum_of_exponentials(image: NDArray[Any]) -> float:
    """Return the mean of exp(min(|I|, 50)): rewards piling up (Stoffregen and Kleeman 2019, "SoE")."""
    return float(np.mean(np.exp(np.minimum(np.abs(_plane(image)), 50.0))))


def suppressed_accumulations(image: NDArray[Any], *, strength: float = 3.0) -> float:
    """Return the mean of exp(-strength |I|): rewards pixels that are left empty (2019, "SoSA")."""
    return float(np.mean(np.exp(-strength * np.abs(_plane(image)))))


def highest(image: NDArray[Any]) -> float:
    """Return the highest pile of events (2019, "MoA")."""
    return float(np.abs(_plane(image)).max(initial=0.0))


def inverse_area(image: NDArray[Any], *, least: float = 1.0) -> float:
    """Return 1 over the number of pixels with at least `least` events (2019, "ISoA"); 0 where there are none."""
    count = int(np.count_nonzero(np.abs(_plane(image)) >= least))
    return 1 / count if count else 0.0


def entropy(image: NDArray[Any]) -> float:
    """Return the entropy of the share of events in each pixel, nats: least for the right motion; 0 for no events."""
    shares = np.abs(_plane(image))
    total = shares.sum()
    if total == 0:
        return 0.0
    shares = shares[shares > 0] / total
    return float(-(shares * np.log(shares)).sum())


OBJECTIVES: Final[dict[str, Callable[..., float]]] = {
    "variance": variance,
    "mean_square": mean_square,
    "gradient_magnitude": gradient_magnitude,
    "laplacian_magnitude": laplacian_magnitude,
    "sum_of_exponentials": sum_of_exponentials,
    "suppressed_accumulations": suppressed_accumulations,
    "highest": highest,
    "inverse_area": inverse_area,
    "entropy": entropy,
}
"""The measures by name. All but `entropy` are greatest for the sharpest image."""


def _plane(image: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(image, np.float64).reshape(image.shape[-2:])


@jit
def _warped(words: Any, t0: Any, t1: Any, t_ref: Any, vx: Any, vy: Any, signed: Any, image: Any) -> Any:
    image[:] = 0
    height, width = image.shape
    span = np.uint64(t1 - t0)
    field = vx.size > 1
    field_y = vy.size > 1
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        if np.uint64(t - t0) > span:
            return i
        x, y = np.int64(x_of(place)), np.int64(y_of(place))
        seconds = np.float64(t - t_ref) * 1e-6
        moved_x = x - (vx[y, x] if field else vx[0, 0]) * seconds
        moved_y = y - (vy[y, x] if field_y else vy[0, 0]) * seconds
        if not (-1.0 < moved_x < width and -1.0 < moved_y < height):
            continue
        # shifted by one so that cutting rounds down
        left, top = np.int64(moved_x + 1.0) - 1, np.int64(moved_y + 1.0) - 1
        right_share, lower_share = moved_x - left, moved_y - top
        sign = -1.0 if signed and p_of(place) == 0 else 1.0
        for j in range(2):
            row = top + j
            if row < 0 or row >= height:
                continue
            row_share = lower_share if j else 1.0 - lower_share
            for k in range(2):
                column = left + k
                if 0 <= column < width:
                    share = right_share if k else 1.0 - right_share
                    image[row, column] += np.float32(sign * row_share * share)
    return -1
