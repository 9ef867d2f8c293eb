"""Times of the messages beside the events: moved to another origin, cut to a window, taken apart by time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.events import Events
from eventflow.messages import Imu, Triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = (Triggers, Imu)
"""Kinds that hold many samples, each with its own time."""


def shifted(message: Any, shift: int) -> Any:
    """Return the message with `shift` µs subtracted from each of its times."""
    if not shift:
        return message
    if isinstance(message, Events):
        records = message.records.view("V16").copy().view(message.records.dtype)  # the pad bytes too
        records["t"] -= shift
        ordered, beside = message.ordered, {"labels": message.labels, "scores": message.scores}
        return Events(records, message.width, message.height, ordered=ordered, **beside)
    if isinstance(message, _ROWS):
        return replace(message, t=message.t - shift, time=message.time - shift)
    changes = {"t0": message.t0 - shift, "t1": message.t1 - shift} if hasattr(message, "t0") else {}
    return replace(message, **(changes or {"t": message.t - shift}))


def within(message: Any, start: int | None, end: int | None) -> Any | None:
    """Return what of a message lies in start <= t < end (µs), or None."""
    low, high = -(1 << 63) if start is None else start, (1 << 63) - 1 if end is None else end
    if isinstance(message, Events):
        inside = (message.t >= low) & (message.t < high)
        return message if inside.all() else message[inside] if inside.any() else None
    if isinstance(message, _ROWS):
        return rows_of(message, (message.time >= low) & (message.time < high))
    return message if low <= message.t < high else None


def rows_of(message: Any, chosen: Any) -> Any | None:
    """Return some samples of a message that holds many (a mask or a slice), or None where there are none."""
    time = message.time[chosen]
    if not len(time):
        return None
    if len(time) == len(message.time):
        return message
    if isinstance(message, Triggers):
        return Triggers(t=int(time[-1]), time=time, line=message.line[chosen], value=message.value[chosen])
    return Imu(t=int(time[-1]), time=time, accel=message.accel[chosen], gyro=message.gyro[chosen])


def single_times(message: Any) -> Iterator[Any]:
    """Yield trigger edges one time after the other, so that each can stand between the events around it."""
    if not isinstance(message, Triggers) or len(message.time) < 2:
        yield message
        return
    borders = [0, *(np.flatnonzero(np.diff(message.time)) + 1).tolist(), len(message.time)]
    for first, last in pairwise(borders):
        yield rows_of(message, slice(first, last))
