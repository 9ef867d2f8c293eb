"""A window on the screen, where there is one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from eventflow.errors import missing_extra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def display_missing() -> str:
    """Return why no window can be shown, or "" where one can be tried."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return ""


class Window:
    """A window that shows pictures. All calls come from one thread, the main one.

    Attributes:
        closed: whether the user closed it (the window's own button, Escape or q).

    Raises:
        MissingExtraError: pygame is not installed.
        OSError: the display refuses.
    """

    def __init__(self, title: str, size: tuple[int, int], colours: NDArray[np.uint8]) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError:
            raise missing_extra("pygame-ce", "view", "a window") from None
        self._pygame: Any = pygame
        self._palette = [tuple(int(part) for part in colour) for colour in colours]
        try:
            # the video part alone: sound and joysticks are none of ours, and Ctrl-C stays Python's
            os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
            pygame.display.init()
            self._screen = pygame.display.set_mode(size, pygame.RESIZABLE)
        except pygame.error as error:
            raise OSError(f"the display refuses a window: {error}") from None
        pygame.display.set_caption(title)
        self.closed = False

    def show(self, colours: NDArray[np.uint8]) -> None:
        """Show a picture of colour numbers, shape (height, width)."""
        if self.closed:
            return
        pygame = self._pygame
        height, width = colours.shape
        image = pygame.image.frombuffer(colours.tobytes(), (width, height), "P")
        image.set_palette(self._palette)
        pygame.transform.scale(image.convert(self._screen), self._screen.get_size(), self._screen)
        pygame.display.flip()
        self.answer()

    def answer(self) -> None:
        """Do what the user asked of the window since the last call."""
        pygame = self._pygame
        for event in () if self.closed else pygame.event.get():
            if event.type == pygame.QUIT or (
                event.type == pygame.KEYDOWN and event.key in (pygame.K_ESCAPE, pygame.K_q)
            ):
                self.close()
                return

    def close(self) -> None:
        """Take the window away."""
        if not self.closed:
            self.closed = True
            self._pygame.display.quit()
