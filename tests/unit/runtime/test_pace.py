"""When a packet is due."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventflow.errors import ParameterError
from eventflow.runtime.pace import Pace, pace_from_text


def test_a_speed_divides_event_time() -> None:
    assert pace_from_text("max") is None
    pace = pace_from_text("2")
    assert pace is not None
    assert pace.due_ns(1_000_000, 0) == 0.5e9


def test_a_profile_has_bursts_and_rests(tmp_path: Path) -> None:
    """One second at speed 1, a rest of one second, then ten times as fast."""
    path = tmp_path / "burst.txt"
    path.write_text("# wall_s speed\n0 1\n1 0\n2, 10\n")
    pace = pace_from_text(str(path))
    assert pace is not None
    assert [pace.due_ns(t * 1e6, 0) / 1e9 for t in (0, 0.5, 1.0, 2.0, 11.0)] == [0, 0.5, 2.0, 2.1, 3.0]


def test_jitter_is_bounded_and_the_same_every_time() -> None:
    pace = Pace(((0.0, 1.0),), jitter_us=1000)
    late = [pace.due_ns(0, number) for number in range(1000)]
    assert late == [pace.due_ns(0, number) for number in range(1000)]
    assert 0 <= min(late) < 50_000 < 950_000 < max(late) < 1_000_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 1\n", "begin at 0"),
        ("0 1\n0 2\n", ":2:"),
        ("0 fast\n", ":1:"),
        ("0 1\n5 0\n", "never end"),
        ("", "never end"),
        ("0 -1\n", "0 \\(a rest\\) or more"),
    ],
)
def test_a_wrong_profile_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    with pytest.raises(ParameterError, match=says):
        pace_from_text(str(path))


@pytest.mark.parametrize("text", ["-1", "0", "nan", "no-such-file"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="--speed"):
        pace_from_text(text)


def test_jitter_needs_a_clock() -> None:
    with pytest.raises(ParameterError, match="--jitter"):
        pace_from_text("max", 100)
