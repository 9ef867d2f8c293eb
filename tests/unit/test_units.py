"""Times and sizes are what a user wrote, to the last µs and byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.errors import UnitError
from eventflow.units import duration_from_text, ms, s, size_from_text, text_from_duration, text_from_size, us


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10ms", 10_000),
        ("2.5s", 2_500_000),
        ("250us", 250),
        ("7µs", 7),
        ("0", 0),
        ("-1ms", -1000),
        ("1min", 60_000_000),
    ],
)
def test_a_duration_is_whole_microseconds(text, expected):
    assert duration_from_text(text) == expected


@pytest.mark.parametrize("text", ["10", "ten ms", "10 parsec", "0.5us", "", "ms", "1e3ms", "nan s"])
def test_what_is_no_duration_says_so(text):
    with pytest.raises(UnitError):
        duration_from_text(text)


@pytest.mark.parametrize(("text", "expected"), [("16MB", 16_000_000), ("64KiB", 65_536), ("1GB", 10**9)])
def test_a_size_is_whole_bytes(text, expected):
    assert size_from_text(text) == expected


@given(st.integers(-(10**15), 10**15))
def test_text_of_a_duration_reads_back(duration_us):
    assert duration_from_text(text_from_duration(duration_us)) == duration_us


@given(st.integers(0, 10**15))
def test_text_of_a_size_reads_back(size_bytes):
    assert size_from_text(text_from_size(size_bytes)) == size_bytes


def test_helpers_round_to_microseconds():
    assert (us(3), ms(0.25), s(1.5)) == (3, 250, 1_500_000)
