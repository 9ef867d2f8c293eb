"""Events and tracks in, pictures out, one at every multiple of a fixed span of event time.

Picture k shows everything with a time before k times the span, and nothing after it, so what is shown does not depend
on packets or watermarks. Where nothing happens pictures go on up to `max_gap`; a longer gap is jumped and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.errors import EventsError
from eventflow.messages import first_time_of, time_of
from eventflow.views.overlay import TrackOverlay, draw_label, draw_time
from eventflow.views.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.messages import Label, Tracks

_COMFORTABLE_WIDTH: Final = 640


@dataclass(frozen=True)
class Picture:
    """Colour numbers, uint8, shape (height, width), of the instant `t` (µs), and how many events are new in it."""

    colours: NDArray[np.uint8]
    t: int
    events: int


class Stage:
    """What is to be seen at a time: recent events, the latest tracks over them, the time.

    Args:
        width: of the sensor, px.
        height: of the sensor, px.
        window: events of the last so many µs are seen.
        fade: whether older events are darker.
        scale: how much larger than the sensor; None: as wide as is comfortable.

    Attributes:
        size: (width, height) of the pictures, px.
    """

    def __init__(self, width: int, height: int, *, window: int, fade: bool = True, scale: int | None = None) -> None:
        self._window, self._fade = window, fade
        self._scale = scale or max(1, round(_COMFORTABLE_WIDTH / max(width, 1)))
        self._surface = Surface(width, height)
        self._tracks = TrackOverlay()
        self._label: Label | None = None
        # codecs want even sizes
        self.size = (width * self._scale + 1) // 2 * 2, (height * self._scale + 1) // 2 * 2

    def events(self, events: Events) -> None:
        """Take in events."""
        self._surface.add(events)

    def tracks(self, tracks: Tracks) -> None:
        """Take in tracks, which are the latest."""
        self._tracks.add(tracks)

    def label(self, label: Label) -> None:
        """Take in a label, which is the latest."""
        self._label = label

    def picture(self, t: int) -> NDArray[np.uint8]:
        """Return the colour numbers at `t` (µs), shape (height, width)."""
        small = self._surface.picture(t, self._window, fade=self._fade)
        large = small.repeat(self._scale, 0).repeat(self._scale, 1)
        width, height = self.size
        if large.shape != (height, width):
            large = np.pad(large, ((0, height - large.shape[0]), (0, width - large.shape[1])))
        self._tracks.draw(large, self._scale)
        draw_time(large, t)
        if self._label is not None:
            draw_label(large, self._label)
        return large


class Animation:
    """Turns a stream into pictures.

    Args:
        width: of the sensor, px.
        height: of the sensor, px.
        fps: pictures a second of video.
        speed: event time per video time: 0.1 is slow motion.
        window: events of the last so many µs are seen; None: twice the time between two pictures.
        fade: whether older events are darker.
        scale: how much larger than the sensor; None: as wide as is comfortable.
        max_gap: the longest time without events that is shown, µs.

    Attributes:
        size: (width, height) of the pictures, px.
        jumped: pictures left out in long gaps.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        fps: float = 30.0,
        speed: float = 1.0,
        window: int | None = None,
        fade: bool = True,
        scale: int | None = None,
        max_gap: int = 1_000_000,
    ) -> None:
        self._span = Fraction(1_000_000) * Fraction(str(speed)) / Fraction(str(fps))
        seen = max(1, int(2 * self._span)) if window is None else window
        self._stage = Stage(width, height, window=seen, fade=fade, scale=scale)
        self._max_gap = max_gap
        self._next: int | None = None
        self._instant = 0
        self._last_t = 0
        self._fresh = False
        self._new_events = 0
        self.size = self._stage.size
        self.jumped = 0

    def events(self, events: Events) -> Iterator[Picture]:
        """Take in events and yield the pictures that are whole before the last of them.

        Raises:
            EventsError: the events are not in time order.
        """
        if not events.ordered:
            raise EventsError("pictures need events in time order; choose backwards='clamp' where they are read")
        if not len(events):
            return
        yield from self._begin(first_time_of(events))
        while time_of(events) >= (instant := self._instant):
            cut = int(np.searchsorted(events.records["t"], instant))
            self._take(events[:cut])
            yield from self._begin(first_time_of(events[cut:]))
            events = events[cut:]
        self._take(events)

    def tracks(self, tracks: Tracks) -> Iterator[Picture]:
        """Take in tracks and yield the pictures that are whole before them."""
        yield from self._begin(tracks.t)
        self._stage.tracks(tracks)
        self._last_t, self._fresh = max(tracks.t, self._last_t), True

    def label(self, label: Label) -> Iterator[Picture]:
        """Take in a label and yield the pictures that are whole before it."""
        yield from self._begin(label.t)
        self._stage.label(label)
        self._last_t, self._fresh = max(label.t, self._last_t), True

    def reach(self, t: int) -> Iterator[Picture]:
        """Yield the pictures that are whole because nothing before `t` (µs) will come."""
        while self._next is not None and (instant := self._instant) <= min(t, self._last_t + self._max_gap):
            yield self._picture(instant)
            self._go_to(self._next + 1)

    def end(self) -> Iterator[Picture]:
        """Yield the last picture, of what came after the one before."""
        if self._next is not None and self._fresh:
            yield self._picture(self._instant)
            self._go_to(self._next + 1)

    def _begin(self, t: int) -> Iterator[Picture]:
        """Yield everything due before a message at `t`, and jump what is left of a long gap."""
        if self._next is not None and t < self._instant:
            return
        following = int(t // self._span) + 1
        if self._next is None:
            self._go_to(following)
        yield from self.reach(t)
        if self._next is not None and following > self._next:
            self.jumped += following - self._next
            self._go_to(following)

    def _go_to(self, number: int) -> None:
        """Make picture `number` the next one; its instant is the first µs that is not in it."""
        self._next = number
        self._instant = int(-(-(number * self._span) // 1))

    def _take(self, events: Events) -> None:
        if len(events):
            self._stage.events(events)
            self._new_events += len(events)
            self._last_t, self._fresh = time_of(events), True

    def _picture(self, t: int) -> Picture:
        picture = Picture(self._stage.picture(t - 1), t, self._new_events)
        self._fresh, self._new_events = False, 0
        return picture
