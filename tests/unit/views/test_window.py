"""A window, on a display that only exists in memory."""

from __future__ import annotations

import numpy as np
import pygame
import pytest

from eventflow.views.palette import ON, palette
from eventflow.views.window import Window, display_missing


@pytest.fixture
def _display(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("DISPLAY", ":99")


@pytest.mark.usefixtures("_display")
def test_a_window_shows_the_picture_and_closes_when_asked():
    assert display_missing() == ""
    window = Window("test", (80, 60), palette())
    window.show(np.full((30, 40), ON, np.uint8))
    assert pygame.display.get_surface().get_at((79, 59))[:3] == tuple(palette()[ON])
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE))
    window.answer()
    assert window.closed
    window.show(np.zeros((30, 40), np.uint8))


def test_where_no_display_is_named_none_is_tried(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no display" in display_missing()
