"""Text: decimals to the µs, layouts as they are met, and lines that are no events."""

from __future__ import annotations

import contextlib
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, decoded, encoded, make, resumed

import eventflow.io as recordings
from eventflow.errors import ParameterError, RecordingError, UnknownFormatError
from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.io.source import CHUNK_BYTES
from eventflow.io.text_kernels import LAST, STATE_SIZE, parse_rows
from eventflow.io.text_swift import time_column_of

SIZE = {"width": 40, "height": 30}


def rows(text, **options):
    records, decoder = decoded("csv", text.encode(), **options)
    return records.tolist(), decoder


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("t,x@40,y@30,on\n5,1,2,1\n", {}),
        ("t,x,y,p\r\n5,1,2,1\r\n", SIZE),
        ("# 40x30\n5 1 2 1", {}),
        ("% width 40 height 30\n% t x y p\n5 1 2 1\n", {}),
        ("40 30\n0.000005 1 2 1\n", {}),
        ("5;1;2;true\n", SIZE),
        ("5\t1\t2\tON\n", SIZE),
        ("  5 ,  1 , 2 , +1  \n", SIZE),
        ("\ufeff5,1,2,1\n", SIZE),
        ("x,y,p,t\n1,2,1,5\n", SIZE),
        ("x y pol ts\n1 2 1 5\n", SIZE),
        ('"timestamp [ns]","x","y","polarity"\n5000,1,2,1\n', SIZE),
        ("t_ms,x,y,p\n0.005,1,2,1\n", SIZE),
        ("time (s),x,y,p,weight\n5e-6,1,2,1,0.3\n", SIZE),
        ("5.000000000000000000e+00 1.00e+00 2.000e+00 1.0\n", SIZE),
        ("5,1,2,1\n", {**SIZE, "unit": "us"}),
        ("9,1,5,2,1\n", {**SIZE, "columns": "-xtyp"}),
        ("1,2,1,5\n", {**SIZE, "columns": "xypt"}),
        ("\n\n# note\n5,1,2,1\n\n", SIZE),
        ("timestamp_ns,x,y,p\n5000,1,2,1\n", SIZE),
        ("x_pos@40,y_pos@30,polarity,time_us\n1,2,1,5\n", {}),
        ("Time [ms];X;Y;Polarity\n0.005;1;2;1\n", SIZE),
        ("p x y t_us\n1 1 2 5\n", SIZE),
        ("is_increase,y,x,timestamp_sec\ntrue,2,1,5e-6\n", SIZE),
    ],
)
def test_layouts(text, options):
    assert rows(text, **options)[0] == [(5, 1, 2, 1)]


@pytest.mark.parametrize(
    ("text", "p"), [("0", 0), ("1", 1), ("-1", 0), ("+1", 1), ("true", 1), ("False", 0), ("on", 1), ("OFF", 0)]
)
def test_polarities(text, p):
    assert rows(f"5,1,2,{text}\n", **SIZE)[0] == [(5, 1, 2, p)]


@pytest.mark.parametrize(
    "text",
    [
        "5,1,2",
        "5,1,2,2",
        "5,1.5,2,1",
        "5,,2,1",
        "five,1,2,1",
        "5,1,2,1x",
        "5 - 2 1",
        "99999999999999999999,1,2,1",
        "\0",
    ],
)
def test_a_line_that_is_no_event_is_counted_with_its_number(text):
    found, decoder = rows(f"1,1,1,1\n{text}\n7,1,2,1\n", **SIZE, unit="us")
    assert found == [(1, 1, 1, 1), (7, 1, 2, 1)]
    assert decoder.skipped == {"malformed": 1}
    assert decoder.info.notes == ["line 2 is the first that is no event"]


def test_pixels_outside_are_counted():
    found, decoder = rows("1,40,1,1\n2,-1,1,1\n3,1,30,1\n4,1,29,1\n", **SIZE)
    assert found == [(4, 1, 29, 1)]
    assert decoder.skipped == {"outside": 3}


@settings(deadline=None, max_examples=300)
@given(st.decimals(-(10**9), 10**9, places=9), st.sampled_from(["s", "ms", "us", "ns"]))
@example(Decimal("0.000007"), "s")
@example(Decimal("8.041022"), "s")
@example(Decimal("0.9999995"), "s")
def test_times_are_decimals_rounded_to_the_nearest_microsecond(time, unit):
    scale = {"s": 10**6, "ms": 10**3, "us": 1, "ns": Decimal("0.001")}[unit]
    found, _ = rows(f"{time:f},1,2,1\n", **SIZE, unit=unit)
    assert found[0][0] == int((time * scale).to_integral_value(ROUND_HALF_UP))


@settings(deadline=None, max_examples=200)
@given(st.integers(-(2**63) + 1, 2**63 - 1))
@example(2**63 - 1)
def test_every_64_bit_time(t):
    assert rows(f"{t} 1 2 1\n", **SIZE, unit="us")[0] == [(t, 1, 2, 1)]


def test_seconds_and_nanoseconds_are_recognised_and_noted():
    assert "seconds" in rows("0.5 1 2 1\n", **SIZE)[1].info.notes[0]
    assert rows("1643243628737093000 1 2 1\n", **SIZE)[0][0][0] == 1643243628737093


def test_an_order_without_header_is_recognised_by_the_rows():
    found, decoder = rows("9,8,1,100\n3,4,0,101\n5,1,1,101\n", **SIZE)
    assert found[0] == (100, 9, 8, 1)
    assert "x, y, p, t" in decoder.info.notes[0]


def test_a_line_longer_than_the_window_is_passed_over():
    found, decoder = rows("1,1,1,1\n" + "7" * (2 * CHUNK_BYTES + 5) + "\n2,1,1,1\n", **SIZE)
    assert [row[0] for row in found] == [1, 2]
    assert decoder.skipped == {"malformed": 1}


def test_no_sensor_size_says_what_to_do():
    with pytest.raises(RecordingError, match="pass width= and height="):
        rows("1,1,1,1\n")


@pytest.mark.parametrize("text", ["hello\nworld\n", "", "\n\n", "a,b,c,d\n"])
def test_no_rows_at_all(text):
    with pytest.raises(RecordingError, match="expected lines such as"):
        rows(text, **SIZE)


@pytest.mark.parametrize("options", [{"columns": "txy"}, {"columns": "ttxyp"}, {"unit": "h"}])
def test_wrong_options(options):
    with pytest.raises(ParameterError):
        rows("1,1,1,1\n", **SIZE, **options)


@pytest.mark.parametrize("options", [{"separator": "|"}, {"separator": ""}, {"unit": "h"}])
def test_wrong_options_when_writing(options):
    with pytest.raises(ParameterError):
        encoded("csv", [make([1])], **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "t,x@40,y@30,on\n-7,0,0,0\n1234567,1,7,1\n"),
        ({"unit": "s", "separator": " ", "header": False}, "-0.000007 0 0 0\n1.234567 1 7 1\n"),
        ({"unit": "ms", "separator": ";"}, "t_ms;x@40;y@30;on\n-0.007;0;0;0\n1234.567;1;7;1\n"),
        ({"unit": "ns", "separator": "\t"}, "t_ns\tx@40\ty@30\ton\n-7000\t0\t0\t0\n1234567000\t1\t7\t1\n"),
    ],
)
def test_what_is_written(options, text):
    assert encoded("csv", [make([-7, 1234567])], **options).decode() == text


ODD_LINES = [
    *[
        "",
        "# note",
        "5",
        "5,1,2",
        "5,1,2,1,9",
        "5, 1, 2, 1",
        "+5,1,2,1",
        "-5,1,2,1",
        "5,1,2,-1",
        "5,1,2,on",
        " 5 1 2 1",
    ],
    *["5.5,1,2,1", "5,1.0,2,1", "5,1,2,1.", ".5,1,2,1", "5.,1,2,1", "1e3,1,2,1", "5a1a2a1", "5;1,2 1", "5:1:2:1"],
    *[
        "0.1234567,1,2,1",
        "1.1234560,1,2,1",
        "1643243628.737093001 1 2 1",
        "0.00000100000000000001,1,2,1",
        "1.2.3,1,2,1",
    ],
    *["12345678901234567,1,2,1", "1234567890123456,1,2,1", "99999999999999999999,1,2,1", "5,00001,2,1", "5,0001,2,1"],
    *[
        "5,40,2,1",
        "5,1,30,1",
        "5,1,2,2",
        "5,1,2,10",
        "5,1,2,1\r",
        "5,1,2,1\r\r",
        "5,1,2,1 ",
        "5,,2,1",
        ",5,1,2,1",
        "5,1,2,",
    ],
    *["1,2,5,1", "1,2,1,5", "7" * 40, "5,1,2,1" * 9],
]


@st.composite
def lines(draw):
    """Rows of one layout between lines that are none, or rows of another kind."""
    separator, end = draw(st.sampled_from(",; \t")), draw(st.sampled_from(["\n", "\r\n"]))
    times = draw(st.sampled_from(["{}", "{}.{:06}", "{}.{:03}", "{}.{:09}", "{}.0"]))
    order = draw(st.sampled_from(["txyp", "xytp", "xypt", "ptyx"]))
    number = st.integers(0, 9) | st.integers(0, 10**5) | st.integers(0, 10**17)

    def row():
        t = times.format(draw(number), draw(st.integers(0, 999)))
        fields = {"t": t, "x": draw(st.integers(0, 45)), "y": draw(st.integers(0, 33)), "p": draw(st.integers(-1, 1))}
        return separator.join(str(fields[letter]) for letter in order) + end

    odd = st.sampled_from(ODD_LINES) | st.text("0123456789,. -\t\r", max_size=40)
    count = draw(st.integers(0, 30))
    texts = [draw(odd) + end if draw(st.integers(0, 5)) == 0 else row() for _ in range(count)]
    return order, "".join(texts)


def parsed(data, order, power, *, swift, room=100):
    state = np.zeros(STATE_SIZE, np.int64)
    state[LAST] = BEFORE_ALL_TIME
    words = np.zeros((room, 2), np.int64)
    roles = np.array(["txyp".index(letter) for letter in order])
    column = time_column_of(order, power) if swift else -1
    kept = np.uint64(power) if power > 0 else None
    bounds = parse_rows(np.frombuffer(data, np.uint8), True, words, state, roles, column, kept, power, 40, 30)
    return bounds, words.tolist(), state.tolist()


@settings(deadline=None, max_examples=300)
@given(lines(), st.sampled_from([6, 3, 0, -3]), st.integers(1, 100))
def test_the_fast_loop_changes_nothing(given_lines, power, room):
    order, text = given_lines
    data = (text + "\n" * 70).encode()
    assert parsed(data, order, power, swift=True, room=room) == parsed(data, order, power, swift=False, room=room)


@pytest.mark.parametrize("line", ODD_LINES)
@pytest.mark.parametrize("power", [6, 0])
def test_odd_lines_are_read_the_same_by_the_fast_loop(line, power):
    data = f"5,1,2,1\n{line}\n6,1,2,0\n{line}".encode() + b"\n" * 70
    for order in ("txyp", "xytp", "xypt"):
        assert parsed(data, order, power, swift=True) == parsed(data, order, power, swift=False)


@settings(deadline=None, max_examples=60)
@given(lines(), st.integers(1, 90), st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_reads_and_packets_may_end_anywhere(given_lines, most_bytes, sizes):
    order, text = given_lines
    data = ("t,x@40,y@30,on\n" + text).encode()
    options = {"columns": order, "unit": "s"}
    whole, at_once = decoded("csv", data, **options)
    pieces, bit_by_bit = decoded("csv", data, most_bytes=most_bytes, sizes=sizes, **options)
    np.testing.assert_array_equal(pieces, whole)
    assert (bit_by_bit.skipped, bit_by_bit.info.notes) == (at_once.skipped, at_once.info.notes)
    assert bit_by_bit.steps_back == at_once.steps_back == np.count_nonzero(np.diff(whole["t"]) < 0)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.builds(lambda digits, t: t % 10**digits, st.integers(1, 19), st.integers(0, 2**63 - 1)), max_size=30),
    st.sampled_from(["s", "ms", "us", "ns"]),
    st.booleans(),
)
@example([10**power for power in range(19)] + [10**power - 1 for power in range(19)], "us", False)
def test_every_number_is_written_with_its_digits(times, unit, negative):
    x = [(7**index) % 65536 for index in range(len(times))]
    events = make([-t if negative else t for t in times], x=x, width=65536)
    scale = {"s": Decimal("0.000001"), "ms": Decimal("0.001"), "us": 1, "ns": 1000}[unit]
    text = encoded("csv", [events], unit=unit, header=False).decode()
    columns = zip(events.records["t"].tolist(), x, events.records["y"], events.records["p"], strict=True)
    assert text == "".join(f"{'-' * (t < 0)}{Decimal(abs(t)) * scale:f},{x},{y},{p}\n" for t, x, y, p in columns)


@pytest.mark.samples
def test_a_real_recording_as_text_and_back(samples, tmp_path):
    events = recordings.read(samples / "es" / "dvs.es")
    back = recordings.read(recordings.write(events, tmp_path / "a.csv"))
    assert (back.width, back.height) == (320, 240)
    np.testing.assert_array_equal(back.records, events.records)


@pytest.mark.parametrize("text", ["p,y,x,t_ns\n1,2,1,5000\n", "Polarity;Y;X;Time [us]\n1;2;1;5\n"])
def test_a_header_of_any_order_is_known_without_a_suffix(tmp_path, text):
    path = tmp_path / "recording"
    path.write_text(text)
    assert recordings.read(path, **SIZE).records.tolist() == [(5, 1, 2, 1)]


def test_milliseconds_since_1970_are_told_by_their_size():
    found, decoder = rows("1643243628737.093 1 2 1\n1643243628737.0945 1 2 1\n", **SIZE)
    assert [row[0] for row in found] == [1_643_243_628_737_093, 1_643_243_628_737_095]
    assert "taken to be ms" in decoder.info.notes[0]


@settings(max_examples=30, deadline=None)
@given(first=st.integers(0, 50), header=st.booleans())
def test_a_mark_goes_on_where_it_was_made(first, header):
    events = make(np.arange(50) * 1001 - np.arange(50) % 3 * 5000)
    data = b"# 40x30\n" + encoded("csv", [events], header=header).replace(b"\n", b"\n\n# note\n", 5)
    assert_same(resumed("csv", data, first), events[first:])


def zipped(text, name="a/events.txt", method=8):
    import io
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, text)
    return file.getvalue()


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("sizes", [(1,), (7, 100)])
def test_text_in_an_archive_as_e2vid_has_it(tmp_path, method, sizes):
    text = "40 30\n" + "".join(f"0.{i:06d} {i % 40} {i % 30} {i % 2}\n" for i in range(3000))
    data = zipped(text, method=method)
    found, decoder = decoded("zip", data, sizes=sizes)
    assert found["t"].tolist() == list(range(3000))
    assert (decoder.info.width, decoder.info.height, decoder.info.attributes["member"]) == (40, 30, "a/events.txt")
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with recordings.open(path, start=2990) as recording:
        assert recording.info.format == "zip"
        assert recording.all_events().t.tolist() == list(range(2990, 3000))
        assert len(recording.all_events()) == 10


def test_a_damaged_archive_gives_what_is_whole_and_says_so():
    data = bytearray(zipped("40 30\n" + "".join(f"0.{i:06d} 1 2 1\n" for i in range(3000)), method=0))
    data[data.index(b"0.001500")] ^= 1
    found, decoder = decoded("zip", bytes(data))
    assert len(found) == 3000
    assert decoder.skipped == {"damaged": 1}
    with pytest.raises(RecordingError, match="expected the directory of a zip archive"):
        decoded("zip", bytes(data[:-30]))
    with pytest.raises(RecordingError, match="no member with the suffix"):
        decoded("zip", zipped("x", name="a.png"))


@pytest.mark.parametrize("run", [" ", "_", "@", "1 ", "9" * 20])
@pytest.mark.parametrize("head", ["", "t,x@", "# width", "time"])
@pytest.mark.parametrize("tail", ["b\n", "x,y,p\n5,1,2,1\n"])
def test_long_lines_take_no_longer_than_their_length(tmp_path, head, run, tail):
    """With one pattern that tries every way to cut a run of blanks these take minutes."""
    path = tmp_path / "long.csv"
    path.write_text(head + run * (30_000 // len(run)) + tail)
    for options in ({"format": "csv"}, {}):
        with contextlib.suppress(RecordingError, UnknownFormatError):
            recordings.open(path, **SIZE, **options).close()
