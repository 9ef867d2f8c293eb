"""Which events are kept and where they come to lie: region, polarity, mirrors, transposition; the same for messages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels.jit import jit
from eventflow.messages import Boxes, Frame

if TYPE_CHECKING:
    from eventflow.io.conversion.settings import Settings

_OUTSIDE, _OTHER_POLARITY = 0, 1
_ANY_POLARITY = 2


@jit
def _place(
    halves: Any, out: Any, kept: Any, region: Any, turn: Any, polarity: int, left_out: Any
) -> int:  # pragma: no cover
    """Write the kept events of `halves` (records as int64 pairs) to `out`; return how many, and count the others.

    `region` is x, y, width, height; `turn` says mirror x, mirror y, transpose; kept[i] whether event i was kept.
    """
    x0, y0, width, height = region[0], region[1], region[2], region[3]
    count = 0
    for i in range(len(kept)):
        word = halves[2 * i + 1]
        x = (word & 0xFFFF) - x0
        y = ((word >> 16) & 0xFFFF) - y0
        p = (word >> 32) & 0xFF
        inside = 0 <= x < width and 0 <= y < height
        right = polarity == 2 or p == polarity
        kept[i] = inside and right
        if not inside:
            left_out[0] += 1
        elif not right:
            left_out[1] += 1
        else:
            if turn[0]:
                x = width - 1 - x
            if turn[1]:
                y = height - 1 - y
            if turn[2]:
                x, y = y, x
            out[2 * count] = halves[2 * i]
            out[2 * count + 1] = x | y << 16 | p << 32
            count += 1
    return count


class Placement:
    """Where the events and messages of one recording go.

    Args:
        settings: what is asked.
        width: sensor width, px.
        height: sensor height, px.

    Attributes:
        width: width of what is written, px.
        height: its height, px.
        left_out: events left out on purpose so far, by reason.
    """

    def __init__(self, settings: Settings, width: int, height: int) -> None:
        x, y, w, h = settings.roi or (0, 0, width, height)
        if x + w > width or y + h > height:
            raise ParameterError(f"roi={x},{y},{w},{h} reaches beyond the sensor of {width}x{height} pixels")
        self._sensor = (width, height)
        self._region = np.array((x, y, w, h), np.int64)
        self._turn = np.array((settings.flip_x, settings.flip_y, settings.transpose), np.int64)
        self._polarity = {"on": 1, "off": 0, None: _ANY_POLARITY}[settings.polarity]
        self._counts = np.zeros(2, np.int64)
        self.width, self.height = (h, w) if settings.transpose else (w, h)
        self._unchanged = (x, y, w, h) == (0, 0, width, height) and not self._turn.any() and settings.polarity is None

    @property
    def left_out(self) -> dict[str, int]:
        """Events left out on purpose, by reason."""
        names = {"region": self._counts[_OUTSIDE], "polarity": self._counts[_OTHER_POLARITY]}
        return {name: int(count) for name, count in names.items() if count}

    def events(self, events: Events) -> Events:
        """Return the events that are kept, where they come to lie."""
        if self._unchanged:
            return events
        out = np.empty(len(events), EVENT_DTYPE)
        kept = np.empty(len(events), np.bool_)
        halves = events.records.view(np.int64)
        count = _place(halves, out.view(np.int64), kept, self._region, self._turn, self._polarity, self._counts)
        labels = None if events.labels is None else np.compress(kept, events.labels)
        scores = None if events.scores is None else np.compress(kept, events.scores)
        ordered = True if events.ordered else None
        return Events(out[:count], self.width, self.height, ordered=ordered, labels=labels, scores=scores)

    def message(self, message: Any) -> Any | None:
        """Return a message beside the events, where it comes to lie, or None where it lies outside."""
        if self._unchanged:
            return message
        if isinstance(message, Frame):
            return self._frame(message)
        if isinstance(message, Events):  # of another camera; of another size, nothing is known of how it lies
            return self.events(message) if (message.width, message.height) == self._sensor else message
        return self._boxes(message) if isinstance(message, Boxes) else message

    def _frame(self, frame: Frame) -> Frame:
        image = frame.image
        if image.shape[1::-1] != self._sensor:  # from another sensor: nothing is known of how it lies
            return frame
        x, y, w, h = self._region.tolist()
        image = image[y : y + h, x : x + w]
        image = image[:, ::-1] if self._turn[0] else image
        image = image[::-1] if self._turn[1] else image
        image = image.swapaxes(0, 1) if self._turn[2] else image
        return replace(frame, image=np.ascontiguousarray(image))

    def _boxes(self, boxes: Boxes) -> Boxes | None:
        x0, y0, width, height = self._region.tolist()
        left, right = (np.clip(edge - x0, 0, width) for edge in (boxes.x, boxes.x + boxes.w))
        top, bottom = (np.clip(edge - y0, 0, height) for edge in (boxes.y, boxes.y + boxes.h))
        left, right = (width - right, width - left) if self._turn[0] else (left, right)
        top, bottom = (height - bottom, height - top) if self._turn[1] else (top, bottom)
        inside = (right > left) & (bottom > top)
        place = {"x": left, "y": top, "w": right - left, "h": bottom - top}
        if self._turn[2]:
            place = {"x": top, "y": left, "w": bottom - top, "h": right - left}
        rest = {name: getattr(boxes, name) for name in ("class_id", "track_id", "confidence")}
        columns = {name: column[inside] for name, column in (place | rest).items()}
        return Boxes(t=boxes.t, **columns) if inside.any() else None
