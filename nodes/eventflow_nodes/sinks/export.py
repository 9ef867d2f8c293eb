"""Videos and pictures of events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar

from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Label, StreamInfo, Tracks
from eventflow.units import Duration, s
from eventflow.views.animation import Animation, Picture
from eventflow.views.films import checked_suffix, film
from eventflow.views.palette import PaletteName, palette


class Export(Node):
    """Draw events, with tracks or labels over them, as a video (.mp4, .gif) or as the busiest picture of one (.png).

    Pictures are made at fixed multiples of speed / fps in event time, so the file depends on the events only.

    Args:
        path: the file; its suffix says what it is.
        fps: pictures a second of video.
        speed: event time per video time; 0.1 is slow motion.
        window: events of the last so much time are seen; null: two pictures' worth.
        fade: whether older events are darker.
        palette: the colours.
        scale: how much larger than the sensor; null: about 640 px wide.
        max_gap: longest time without events that is shown; the rest of a longer one is left out and counted.
    """

    path: Path
    fps: Annotated[float, Range(1, 240)] = 30.0
    speed: Annotated[float, Range(1e-6, 1e6)] = 1.0
    window: Annotated[Duration, Range(1)] | None = None
    fade: bool = True
    palette: PaletteName = "dark"
    scale: Annotated[int, Range(1, 64)] | None = None
    max_gap: Annotated[Duration, Range(0)] = s(1)

    heavy: ClassVar[bool] = True
    optional_inputs: ClassVar[frozenset[str]] = frozenset({"tracks", "label"})

    def start(self, events: StreamInfo, tracks: StreamInfo | None = None, label: StreamInfo | None = None) -> None:
        """Begin the film, of the sensor's size."""
        checked_suffix(self.path)
        self._animation = Animation(
            events.width,
            events.height,
            fps=self.fps,
            speed=self.speed,
            window=self.window,
            fade=self.fade,
            scale=self.scale,
            max_gap=self.max_gap,
        )
        part = self.create(self.path).part
        size = self._animation.size
        self._film = film(part, self.path, size=size, fps=self.fps, colours=palette(self.palette))

    def events(self, events: Events) -> None:
        """Draw events."""
        self._add(self._animation.events(events))

    def tracks(self, tracks: Tracks) -> None:
        """Draw tracks over the events."""
        self._add(self._animation.tracks(tracks))

    def label(self, label: Label) -> None:
        """Write the class that was found last over the events, and its confidence."""
        self._add(self._animation.label(label))

    def on_watermark(self, t: int) -> None:
        """Draw the pictures that are whole."""
        self._add(self._animation.reach(t))

    def finish(self, t_end: int) -> None:
        """Draw the last picture."""
        self._add(self._animation.end())
        if self._animation.jumped:
            self.skipped["pictures_in_gaps"] = self._animation.jumped

    def close(self, *, complete: bool) -> None:
        """Finish or delete the file."""
        film = vars(self).pop("_film", None)
        try:
            if film is not None:
                film.finish() if complete else film.discard()
        except BaseException:
            super().close(complete=False)
            raise
        super().close(complete=complete)

    def _add(self, pictures: Iterable[Picture]) -> None:
        for picture in pictures:
            self._film.add(picture)
