"""One recording converted: what is kept, where it comes to lie, what time 0 is, and what is said of it."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import random_events

import eventflow as ef
import eventflow.io as io
from eventflow.cli import main
from eventflow.errors import ParameterError, RecordingError
from eventflow.io.conversion.geometry import Placement
from eventflow.io.conversion.merging import merged, stream_of
from eventflow.io.conversion.settings import Settings, from_options
from eventflow.io.message_times import rows_of, shifted, single_times, within
from eventflow.messages import Boxes, Frame, Imu, Label, Triggers

EVENTS = random_events(5000)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return io.write(EVENTS, tmp_path_factory.mktemp("one") / "a.raw")


@pytest.mark.parametrize("suffix", ["raw", "dat", "aedat4", "es", "csv", "npz"])
def test_every_format_reads_back_equal(raw, tmp_path, suffix):
    report = ef.convert(raw, tmp_path / f"b.{suffix}", verify=True)
    assert report["verified"] == []
    assert report["events"] == 5000
    assert report["left_behind"] == []


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 20), st.integers(0, 20), st.integers(1, 40), st.integers(1, 27),
    st.sampled_from(["on", "off", None]), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_placement_is_what_the_words_say(x, y, w, h, polarity, flip_x, flip_y, transpose):
    asked = Settings(roi=(x, y, w, h), polarity=polarity, flip_x=flip_x, flip_y=flip_y, transpose=transpose)
    placement = Placement(asked, 64, 48)
    placed = placement.events(EVENTS)
    keep = (EVENTS.x >= x) & (EVENTS.x < x + w) & (EVENTS.y >= y) & (EVENTS.y < y + h)
    inside = int(keep.sum())
    if polarity is not None:
        keep &= (polarity == "on") == EVENTS.p.astype(bool)
    column, row = EVENTS.x[keep].astype(int) - x, EVENTS.y[keep].astype(int) - y
    column = w - 1 - column if flip_x else column
    row = h - 1 - row if flip_y else row
    column, row = (row, column) if transpose else (column, row)
    assert (placed.width, placed.height) == ((h, w) if transpose else (w, h))
    assert np.array_equal(placed.x, column)
    assert np.array_equal(placed.y, row)
    assert np.array_equal(placed.t, EVENTS.t[keep])
    assert np.array_equal(placed.p, EVENTS.p[keep])
    counted = placement.left_out
    assert counted.get("region", 0) == len(EVENTS) - inside
    assert counted.get("polarity", 0) == inside - len(placed)


def test_a_picture_and_its_boxes_go_where_the_events_go():
    asked = Settings(roi=(4, 6, 32, 20), flip_x=True, flip_y=True, transpose=True)
    placement = Placement(asked, 64, 48)
    image = np.zeros((48, 64), np.uint8)
    image[10:13, 20:25] = 255  # the box 20, 10, 5 x 3
    column = {"class_id": np.ones(2, np.int64), "track_id": np.arange(2), "confidence": np.ones(2)}
    x, y, w, h = (np.array(each, float) for each in ((20, 50), (10, 40), (5, 5), (3, 3)))
    boxes = placement.message(Boxes(t=7, x=x, y=y, w=w, h=h, **column))
    turned = placement.message(Frame(image, 7)).image
    assert boxes.track_id.tolist() == [0]
    assert turned.shape == (placement.height, placement.width)
    left, top, width, height = (int(getattr(boxes, name)[0]) for name in "xywh")
    assert turned[top : top + height, left : left + width].min() == 255
    assert turned.sum() == 255 * 15
    other = Frame(np.zeros((5, 5), np.uint8), 1)
    assert placement.message(other) is other


def test_labels_stay_with_their_events(tmp_path):
    labels = (np.arange(len(EVENTS)) % 3).astype(np.uint8)
    source = io.write(EVENTS.with_columns(labels=labels), tmp_path / "a.npz")
    ef.convert(source, tmp_path / "b.npz", polarity="on")
    assert np.array_equal(io.read(tmp_path / "b.npz").labels, labels[EVENTS.p == 1])
    report = ef.convert(source, tmp_path / "b.raw", verify=True)
    assert report["left_behind"] == ["labels"]
    assert report["verified"] == ["labels left behind"]


def test_a_region_beyond_the_sensor_is_refused(raw, tmp_path):
    with pytest.raises(ParameterError, match="reaches beyond the sensor of 64x48"):
        ef.convert(raw, tmp_path / "b.npz", roi=(40, 0, 30, 10))
    for wrong in ({"roi": (0, 0, 0, 4)}, {"polarity": "up"}, {"origin": "noon"}, {"start": 5, "end": 5}):
        with pytest.raises(ParameterError):
            ef.convert(raw, tmp_path / "b.npz", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_settings_survive_plain_values():
    given = from_options({"roi": [1, 2, 3, 4], "to": "npz", "start": 5, "stream": "left", "origin": None})
    assert given.reading["stream"] == "left"
    assert Settings(**json.loads(json.dumps(given.plain))) == given
    assert given.digest != Settings(to="npz").digest


def test_origins(tmp_path):
    events = random_events(100, first=70_000_000)
    header = b"% evt 3.0\n% Date 2021-03-04 05:06:07\n% format EVT3;height=48;width=64\n% end\n"
    body = io.write(events, tmp_path / "x.raw").read_bytes().partition(b"% end\n")[2]
    dated = tmp_path / "dated.raw"
    dated.write_bytes(header + body)
    high = next(int(w) & 0xFFF for w in np.frombuffer(body, "<u2") if w >> 12 == 8)
    raw = io.read(dated).t
    assert np.array_equal(io.read(dated, origin="zero").t, raw - raw[0])
    assert np.array_equal(io.read(dated, origin="openeb").t, raw - ((high - 1) << 12))
    since = io.read(dated, origin="unix").t - (raw - ((high - 1) << 12))
    assert set(since.tolist()) == {1_614_834_367_000_000}
    assert len(io.read(dated, origin="zero", start=100, end=200)) == np.count_nonzero(
        (raw >= raw[0] + 100) & (raw < raw[0] + 200)
    )
    with pytest.raises(RecordingError, match="neither"):
        io.read(tmp_path / "x.raw", origin="unix")
    io.write(events, tmp_path / "x.dat")
    with pytest.raises(RecordingError, match="is what OpenEB does to Prophesee RAW files, and this is dat"):
        io.read(tmp_path / "x.dat", origin="openeb")
    epoch = io.write(random_events(10, first=1_700_000_000_000_000), tmp_path / "e.aedat4")
    assert io.read(epoch, origin="unix").t[0] == io.read(epoch).t[0]


def test_origins_of_evt2(tmp_path):
    path = io.write(random_events(100, first=70_000_123), tmp_path / "x.raw", format="evt2")
    words = np.frombuffer(path.read_bytes().partition(b"% end\n")[2], "<u4")
    first = next(int(word) & 0xFFFFFFF for word in words if word >> 28 == 8)
    assert io.open(path, origin="openeb").time_shift == first << 6


@pytest.mark.samples
def test_openebs_origin_of_a_real_recording(samples, tmp_path):
    path = samples / "evt" / "gen41_vectors.evt3.raw"
    report = ef.convert(path, tmp_path / "a.npz", origin="openeb")
    assert report["shift"] == ((11718656 >> 12) - 1) << 12
    assert io.read(tmp_path / "a.npz").t[0] == 11718656 - report["shift"]


def test_what_was_applied_to_times_is_in_the_header(raw, tmp_path):
    ef.convert(raw, tmp_path / "b.raw", origin="zero")
    assert b"% time_origin zero\n% time_shift 1" in (tmp_path / "b.raw").read_bytes()
    ef.convert(raw, tmp_path / "c.raw")
    assert b"time_origin" not in (tmp_path / "c.raw").read_bytes()
    assert io.open(tmp_path / "b.raw").info.attributes["time_origin"] == "zero"


def test_messages_come_after_the_events_before_their_time():
    time = np.array([1500, 1500, 2500, 90_000])
    triggers = Triggers(t=90_000, time=time, line=np.zeros(4, np.uint8), value=np.ones(4, np.uint8))
    labels = [Label(t=1500, label=1, confidence=1.0), Label(t=10**9, label=2, confidence=1.0)]
    cut = [EVENTS[:300], EVENTS[300:301], EVENTS[301:]]
    streams = [stream_of("triggers", [triggers], None, None), stream_of("labels", labels, None, None)]
    found = list(merged(cut, streams))
    assert (
        ef.Events.concat([item for name, item in found if name == "events"]).records.tobytes()
        == EVENTS.records.tobytes()
    )
    last = 0
    for name, item in found:
        if name == "events":
            assert item.t[0] >= last
        else:
            assert item.t >= last
        last = item.t[-1] if name == "events" else item.t - 1
    assert [len(item.time) for name, item in found if name == "triggers"] == [2, 1, 1]
    assert [item.label for name, item in found if name == "labels"] == [1, 2]


def test_times_of_messages():
    imu = Imu(t=30, time=np.array([10, 20, 30]), accel=np.ones((3, 3), "f4"), gyro=np.ones((3, 3), "f4"))
    assert shifted(imu, 10).time.tolist() == [0, 10, 20]
    assert within(imu, 15, 30).time.tolist() == [20]
    assert within(imu, 31, None) is None
    assert list(single_times(imu)) == [imu]
    assert rows_of(imu, slice(0, 3)) is imu
    label = Label(t=5, label=1, confidence=1.0)
    assert shifted(label, 2).t == 3
    assert within(label, 6, None) is None
    assert within(label, 5, 6) is label


@pytest.mark.samples
def test_other_streams_are_carried_or_named(samples, tmp_path):
    source = samples / "aedat" / "davis346_demo01.aedat4"
    report = ef.convert(source, tmp_path / "a.aedat4", verify=True)
    assert report["messages"].keys() == {"frames", "imu", "triggers"}
    assert report["verified"] == []
    assert report["left_behind"] == []
    before, after = io.open(source), io.open(tmp_path / "a.aedat4")
    for one, other in zip(before.messages("frames"), after.messages("frames"), strict=True):
        assert one.t == other.t
        assert np.array_equal(one.image, other.image)
    assert ef.convert(source, tmp_path / "b.npz")["left_behind"] == ["frames", "imu", "triggers"]
    assert main(["convert", str(source), str(tmp_path / "b.npz")]) == 0
    assert main(["convert", str(source), str(tmp_path / "b.npz"), "--strict"]) == 1


def test_damage_is_a_failure_only_when_strict(raw, tmp_path, capsys):
    cut = tmp_path / "cut.raw"
    cut.write_bytes(raw.read_bytes()[:-1])
    assert main(["convert", str(cut), str(tmp_path / "b.npz")]) == 0
    assert "1 truncated_bytes skipped" in capsys.readouterr().err
    assert main(["convert", str(cut), str(tmp_path / "b.npz"), "--strict"]) == 1


@pytest.mark.parametrize(("change", "words"), [(b"1234", "has"), (None, "has")])
def test_a_file_that_changes_while_it_is_read(raw, tmp_path, change, words):
    source = tmp_path / "live.raw"
    source.write_bytes(raw.read_bytes())

    def disturb(_state):
        if change is None:
            os.truncate(source, 2000)
        else:
            with source.open("ab") as file:
                file.write(change)

    with pytest.raises(RecordingError, match=f"live.raw: changed while it was read: it had [0-9]+ bytes and {words}"):
        ef.convert(source, tmp_path / "b.npz", packet_events=100, on_progress=disturb)
    assert [path.name for path in tmp_path.iterdir()] == ["live.raw"]


def test_verification_names_what_a_format_changes_and_refuses_the_rest(raw, tmp_path, monkeypatch):
    from eventflow.io.conversion import one, verifying

    shifting = io.write(EVENTS, tmp_path / "b.npz")
    records = EVENTS.records.copy()
    records["t"] -= 7
    written = verifying.Seen()
    written.take(EVENTS)
    report = {"width": 64, "height": 48, "format": "npz", "messages": {}, "left_behind": []}
    assert verifying.verified(raw, shifting, Settings(), report, written) == []
    io.write(ef.Events(records, 64, 48), shifting)
    found = verifying.verified(raw, shifting, Settings(), report, written)
    assert found == ["all times 7 µs lower: the format counts from its first event"]
    records["x"][1234] ^= 1
    io.write(ef.Events(records, 64, 48), shifting)
    with pytest.raises(RecordingError, match="came back different"):
        verifying.verified(raw, shifting, Settings(), report, written)
    io.write(EVENTS[:-3], shifting)
    with pytest.raises(RecordingError, match="read back it ends at event 4997"):
        verifying.verified(raw, shifting, Settings(), report, written)
    records = EVENTS.records.copy()
    records["t"] //= 1000
    coarse = ef.Events(records, 64, 48)
    coarse_raw = io.write(coarse, tmp_path / "coarse.raw")
    order = np.lexsort((coarse.x, coarse.t))
    io.write(ef.Events(coarse.records[order], 64, 48), shifting)
    written = verifying.Seen()
    written.take(coarse)
    assert (
        "events of one time in another order"
        in verifying.verified(coarse_raw, shifting, Settings(), report, written)[0]
    )
    assert one.losses_of({"skipped": {}, "repaired": {}, "left_behind": [], "format": "npz"}) == []


def test_the_command_line_says_what_was_done(raw, tmp_path, capsys):
    target = tmp_path / "b.npz"
    given = ["--polarity", "on", "--flip-x", "--flip-y", "--transpose", "--rebase", "zero", "--verify", "--json"]
    assert main(["convert", str(raw), str(target), *given]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["origin"] == "zero"
    assert report["shift"] == EVENTS.t[0]
    assert report["left_out"] == {"polarity": int((EVENTS.p == 0).sum())}
    assert (report["width"], report["height"]) == (48, 64)
    assert main(["convert", str(raw), str(target), "--resume"]) == 2
    assert main(["convert", str(raw), str(target), "--to", "docx"]) == 2


def _lying(monkeypatch):
    """Have everything that is read back by now come back as it is not."""
    from eventflow.io.conversion import verifying

    monkeypatch.setattr(verifying.Seen, "different", lambda *_: ["x"])
    monkeypatch.setattr(verifying, "_side_by_side", lambda *_: iter([(EVENTS[:10], EVENTS[10:20])]))


@pytest.mark.parametrize("suffix", ["dat", "csv", "npz", "h5", "bag", "db3"])
def test_a_target_that_does_not_come_back_equal_is_not_kept(raw, tmp_path, monkeypatch, suffix):
    old = tmp_path / f"b.{suffix}"
    old.write_bytes(b"what was there before")
    _lying(monkeypatch)
    with pytest.raises(RecordingError, match=rf"{old}: x came back different.*; nothing was kept") as caught:
        ef.convert(raw, old, verify=True)
    assert ".part" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == b"what was there before"


def test_a_target_is_compared_before_it_has_its_name(raw, tmp_path, monkeypatch):
    from eventflow.io.conversion import one

    seen = []

    def look(source, target, *rest):
        seen.append((str(target), (tmp_path / "b.dat").exists()))
        return []

    monkeypatch.setattr(one, "verified", look)
    ef.convert(raw, tmp_path / "b.dat", verify=True)
    assert seen == [(str(tmp_path / "b.dat.part"), False)]
    assert [each.name for each in tmp_path.iterdir()] == ["b.dat"]


def test_every_format_that_is_written_can_be_compared_before_it_has_its_name(raw, tmp_path):
    for row in io.formats():
        if row.writes and row.name != "aedat2":
            report = ef.convert(raw, tmp_path / f"{row.name}{row.suffixes[0]}", to=row.name, verify=True)
            assert report["events"] == 5000, row.name
    assert not [each for each in tmp_path.rglob("*") if each.name.endswith(".part")]
