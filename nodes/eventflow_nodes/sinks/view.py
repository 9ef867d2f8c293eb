"""A window that shows what flows."""

from __future__ import annotations

import sys
import time
from typing import Annotated, ClassVar

from eventflow.errors import MissingExtraError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Label, StreamInfo, Tracks, time_of
from eventflow.units import Duration, ms
from eventflow.views.animation import Stage
from eventflow.views.palette import PaletteName, palette
from eventflow.views.window import Window, display_missing


class View(Node):
    """Show events, with tracks over them, in a window; where there is no display say so and go on without.

    What is shown is what is latest, at most `fps` times a second of wall time. Feed it with `when_full: latest`, so
    that it never slows the graph. Escape, q or the window's button close the window and the graph goes on. Of
    unordered events a pixel shows the latest.

    Args:
        title: of the window; null: where the stream comes from.
        window: events of the last so much time are seen.
        fps: pictures a second, at most.
        palette: the colours.
        scale: how much larger than the sensor; null: about 640 px wide.
    """

    title: str | None = None
    window: Annotated[Duration, Range(1)] = ms(40)
    fps: Annotated[float, Range(1, 240)] = 30.0
    palette: PaletteName = "dark"
    scale: Annotated[int, Range(1, 64)] | None = None

    main_thread: ClassVar[bool] = True

    def start(self, message: StreamInfo) -> None:
        """Open the window, or say why there is none."""
        self._stage = Stage(message.width, message.height, window=self.window, scale=self.scale)
        self._screen: Window | None = None
        self._due = 0.0
        try:
            if missing := display_missing():
                raise OSError(missing)
            title = self.title or message.source or "eventflow"
            self._screen = Window(title, self._stage.size, palette(self.palette))
        except (OSError, MissingExtraError) as error:
            print(f"view: {error}; going on without a window", file=sys.stderr, flush=True)

    def message(self, message: Events | Tracks | Label) -> None:
        """Show events, and tracks and the latest label over them."""
        if not self._open:
            return
        if isinstance(message, Tracks):
            self._stage.tracks(message)
        elif isinstance(message, Label):
            self._stage.label(message)
        elif len(message):
            self._stage.events(message)
        else:
            return
        self._show(time_of(message))

    def close(self, *, complete: bool) -> None:
        """Close the window."""
        if getattr(self, "_screen", None) is not None and self._screen is not None:
            self._screen.close()
        super().close(complete=complete)

    @property
    def _open(self) -> bool:
        return self._screen is not None and not self._screen.closed

    def _show(self, t: int) -> None:
        now = time.monotonic()
        if self._screen is None or now < self._due:
            return
        self._due = now + 1 / self.fps
        self._screen.show(self._stage.picture(t))
