"""What a picture shows, and that a film does not depend on how its stream was cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.errors import EventsError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Tracks
from eventflow.testing import events
from eventflow.views.animation import Animation
from eventflow.views.overlay import TrackOverlay
from eventflow.views.palette import BACKGROUND, LEVELS, OFF, ON, TRACKS, palette
from eventflow.views.surface import Surface


def _events(*rows, width=8, height=6):
    records = np.zeros(len(rows), EVENT_DTYPE)
    for name, column in zip("txyp", zip(*rows, strict=True), strict=True):
        records[name] = column
    return Events(records, width, height)


def test_a_surface_shows_the_last_event_of_each_pixel_and_fades():
    surface = Surface(8, 6)
    surface.add(_events((0, 1, 1, 1), (50, 2, 1, 1), (99, 2, 1, 0), (99, 7, 5, 1)))
    picture = surface.picture(99, 100)
    assert picture[1, 2] == OFF + LEVELS - 1
    assert picture[5, 7] == ON + LEVELS - 1
    assert picture[1, 1] == ON, "the oldest event that is still seen is the darkest"
    assert (picture == BACKGROUND).sum() == 48 - 3
    assert surface.picture(99, 100, fade=False)[1, 1] == ON + LEVELS - 1
    assert surface.picture(300, 100).max() == BACKGROUND


def test_palettes_hold_every_colour():
    for name in ("dark", "light", "gray"):
        assert len({tuple(colour) for colour in palette(name)[: TRACKS + 1]}) > 2 * LEVELS
    with pytest.raises(ParameterError, match="choose dark, light, gray"):
        palette("pink")


def _film(packets, marks=(), **options):
    animation = Animation(12, 9, fps=100, scale=1, max_gap=50_000, **options)
    pictures = []
    for packet in packets:
        pictures += animation.events(packet)
        pictures += [each for mark in marks if len(packet) for each in animation.reach(int(packet.t[-1]) - mark)]
    pictures += animation.end()
    return [(picture.t, picture.events, picture.colours.tobytes()) for picture in pictures], animation.jumped


@given(packet=events(width=12, height=9, max_size=60), size=st.integers(1, 20), mark=st.integers(0, 1000))
def test_a_film_does_not_depend_on_packets_or_watermarks(packet, size, mark):
    packet = Events(np.sort(packet.records, order="t"), 12, 9)
    parts = [packet[i : i + size] for i in range(0, len(packet), size)]
    assert _film(parts, [mark]) == _film([packet])


def test_pictures_are_at_multiples_of_their_span_and_show_only_the_past():
    pictures, jumped = _film([_events((9_999, 1, 1, 1), (10_000, 2, 1, 1), (30_000, 3, 1, 1), width=12, height=9)])
    assert [(t, count) for t, count, _ in pictures] == [(10_000, 1), (20_000, 1), (30_000, 0), (40_000, 1)]
    assert jumped == 0


def test_unordered_events_are_refused():
    with pytest.raises(EventsError, match="in time order"):
        list(Animation(12, 9).events(_events((10, 0, 0, 0), (5, 0, 0, 0), width=12, height=9)))


def test_tracks_are_drawn_where_they_are_even_nowhere():
    overlay, picture = TrackOverlay(), np.zeros((60, 80), np.uint8)
    x = np.array([20.0, np.nan, 1e300])
    ones = np.ones(3)
    overlay.add(Tracks(0, np.array([0, 1, 2]), x, ones * 15, ones * 40, ones * 0, ones * 10, ones * 8, ones))
    overlay.draw(picture, 2)
    assert picture[30, 40] == TRACKS
    assert picture[22, 35] == TRACKS, "the box's upper edge is half its height above the centre"
