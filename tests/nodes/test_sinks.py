"""Every sink keeps the node contract, and what it writes reads back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eventflow.errors import ParameterError, RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Grid, StreamInfo, Tracks
from eventflow.testing import NodeConformance, messages
from eventflow_nodes.sinks.export import Export
from eventflow_nodes.sinks.null import Null
from eventflow_nodes.sinks.tap import Tap
from eventflow_nodes.sinks.view import View
from eventflow_nodes.sinks.write import Write


def _inputs(kind):
    return messages(kind).map(lambda found: {"message": found})


class TestNull(NodeConformance):
    node = Null
    parameters = {"hash": True}  # noqa: RUF012


class TestTap(NodeConformance):
    node = Tap
    parameters = {"name": "point"}  # noqa: RUF012


class TestView(NodeConformance):
    node = View
    inputs = _inputs(Events)
    resumable = False

    @pytest.fixture(autouse=True)
    def _no_display(self, monkeypatch):
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


class TestExportGif(NodeConformance):
    node = Export
    parameters = {"path": "{folder}/film.gif", "max_gap": "1s", "scale": 1}  # noqa: RUF012
    resumable = False


class TestWriteEvents(NodeConformance):
    node = Write
    parameters = {"path": "{folder}/events.csv"}  # noqa: RUF012
    inputs = _inputs(Events)
    resumable = False


class TestWriteTracksCsv(NodeConformance):
    node = Write
    parameters = {"path": "{folder}/tracks.csv"}  # noqa: RUF012
    inputs = _inputs(Tracks)
    resumable = False


class TestWriteTracksNpz(NodeConformance):
    node = Write
    parameters = {"path": "{folder}/tracks.npz"}  # noqa: RUF012
    inputs = _inputs(Tracks)
    resumable = False


class TestWriteContainerEvents(NodeConformance):
    node = Write
    parameters = {"path": "{folder}/events.mcap"}  # noqa: RUF012
    inputs = _inputs(Events)
    resumable = False


class TestWriteContainerGrids(NodeConformance):
    node = Write
    parameters = {"path": "{folder}/grids.mcap"}  # noqa: RUF012
    inputs = _inputs(Grid)
    resumable = False


class TestWriteGridsHdf5(NodeConformance):
    node = Write
    parameters = {"path": "{folder}/grids.h5"}  # noqa: RUF012
    inputs = messages(Grid).map(lambda found: {"message": _of_one_shape(found)})
    resumable = False


def _of_one_shape(grids):
    return [each for each in grids if (each.data.shape, each.data.dtype) == (grids[0].data.shape, grids[0].data.dtype)]


def _written(tmp_path, name, given, **parameters):
    node = Write(path=tmp_path / name, **parameters)
    node.start(message=StreamInfo(12, 9))
    for each in given:
        node.message(each)
    node.finish(0)
    node.close(complete=True)
    assert node.outputs == [tmp_path / name]
    assert [path.name for path in tmp_path.iterdir()] == [name], "something else was left behind"
    return tmp_path / name


def _two_tracks(t=1000):
    column = np.array([0.1, 1 / 3])
    return Tracks(t, np.array([4, 7]), column, column * 2, column, column, column, column, column)


def test_tracks_csv_has_the_promised_header_and_reads_back_exactly(tmp_path):
    path = _written(tmp_path, "tracks.csv", [_two_tracks(), _two_tracks(2000)])
    lines = path.read_text().splitlines()
    assert lines[0] == "t,id,x,y,vx,vy,w,h,mass"
    assert [line.split(",")[:2] for line in lines[1:]] == [["1000", "4"], ["1000", "7"], ["2000", "4"], ["2000", "7"]]
    assert float(lines[2].split(",")[2]) == 1 / 3


def test_tracks_npz_holds_the_same_columns(tmp_path):
    with np.load(_written(tmp_path, "tracks.npz", [_two_tracks(), _two_tracks(2000)])) as found:
        assert found["t"].tolist() == [1000, 1000, 2000, 2000]
        assert found["y"].tolist() == [0.2, 2 / 3, 0.2, 2 / 3]


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_grids_read_back(tmp_path, suffix):
    grids = [Grid(np.full((2, 9, 12), k, np.float32), k * 10, k * 10 + 10, ("a", "b")) for k in range(3)]
    path = _written(tmp_path, f"grids.{suffix}", grids)
    if suffix == "npz":
        with np.load(path) as found:
            columns = {name: found[name] for name in found}
        assert columns["channels"].tolist() == ["a", "b"]
    else:
        import h5py

        with h5py.File(path) as file:
            columns = {name: file[name][...] for name in ("t0", "t1", "data")}
            assert file["data"].attrs["channels"] == "a,b"
    assert columns["t1"].tolist() == [10, 20, 30]
    assert np.array_equal(columns["data"], np.stack([grid.data for grid in grids]))


def test_any_edge_is_recorded_and_replayed(tmp_path):
    from eventflow import io
    from eventflow.digest import content_hash

    grids = [Grid(np.full((2, 9, 12), k, np.float32), k * 10, k * 10 + 10, ("a", "b")) for k in range(3)]
    for name, stream, given in (("g.mcap", "grids", grids), ("t.mcap", "tracks", [_two_tracks(), _two_tracks(2000)])):
        with io.open(_written(tmp_path / name, name, given)) as recording:
            assert recording.streams == (stream,)
            assert content_hash(list(recording.messages(stream))) == content_hash(given)
            assert list(recording) == []


def test_the_container_keeps_the_text_of_the_graph(tmp_path):
    from mcap.reader import make_reader

    class Engine:
        graph_text = "eventflow: 1\nname: kept\n"

    node = Write(path=tmp_path / "x.mcap")
    node.services = Engine()
    node.start(message=StreamInfo(12, 9))
    node.message(_two_tracks())
    node.finish(0)
    node.close(complete=True)
    with (tmp_path / "x.mcap").open("rb") as file:
        assert [each.data.decode() for each in make_reader(file).iter_attachments()] == [Engine.graph_text]


@pytest.mark.parametrize("name", ["tracks.csv", "tracks.npz", "grids.h5"])
def test_an_empty_stream_still_makes_a_file(tmp_path, name):
    assert _written(tmp_path, name, []).stat().st_size > 0


@pytest.mark.parametrize(("name", "given"), [("x.raw", _two_tracks()), ("x.csv", Grid(np.zeros((1, 9, 12)), 0, 1))])
def test_a_kind_that_does_not_fit_the_suffix_is_refused_before_anything_is_written(tmp_path, name, given):
    node = Write(path=tmp_path / name)
    node.start(message=StreamInfo(12, 9))
    with pytest.raises(RecordingError, match=r"are not written as .*Tracks as \.csv, \.npz"):
        node.message(given)
    node.close(complete=False)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_is_refused_at_the_start(tmp_path):
    with pytest.raises(RecordingError, match="nothing is written with this suffix"):
        Write(path=tmp_path / "x.docx").start(message=StreamInfo(12, 9))
    with pytest.raises(ParameterError, match=r"pictures are written as \.mp4, \.gif, \.png"):
        Export(path=tmp_path / "x.avi").start(events=StreamInfo(12, 9))


@pytest.mark.parametrize("suffix", ["csv", "h5", "npz"])
def test_what_failed_leaves_nothing(tmp_path, suffix):
    node = Write(path=tmp_path / f"x.{suffix}")
    node.start(message=StreamInfo(12, 9))
    node.message(_two_tracks() if suffix == "csv" else Grid(np.zeros((1, 9, 12)), 0, 1))
    node.close(complete=False)
    assert list(tmp_path.iterdir()) == []


def _film(tmp_path, name, **parameters):
    records = np.zeros(1000, EVENT_DTYPE)
    records["t"] = np.arange(1000) * 1000
    records["x"], records["y"], records["p"] = np.arange(1000) % 32, np.arange(1000) % 24, np.arange(1000) % 2
    node = Export(path=tmp_path / name, **parameters)
    node.start(events=StreamInfo(32, 24), tracks=StreamInfo(32, 24))
    node.events(Events(records, 32, 24))
    node.tracks(_two_tracks(999_500))
    node.finish(0)
    node.close(complete=True)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    return tmp_path / name


@pytest.mark.parametrize(("speed", "pictures"), [(1.0, 25), (0.5, 50), (4.0, 7)])
def test_a_video_has_one_picture_at_each_multiple_of_its_step(tmp_path, speed, pictures):
    import cv2

    video = cv2.VideoCapture(str(_film(tmp_path, "x.mp4", fps=25, speed=speed)))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == pictures
    assert video.get(cv2.CAP_PROP_FPS) == 25
    shown, picture = video.read()
    assert shown
    assert picture.shape == (480, 640, 3)


def test_a_gif_lasts_as_long_as_its_events_and_loops(tmp_path):
    from PIL import Image

    with Image.open(_film(tmp_path, "x.gif", fps=30)) as film:
        total = 0
        for number in range(film.n_frames):
            film.seek(number)
            total += film.info["duration"]
        assert (film.n_frames, film.info["loop"], film.size) == (30, 0, (640, 480))
        assert total == 1000


def test_a_png_is_one_picture(tmp_path):
    from PIL import Image

    with Image.open(_film(tmp_path, "x.png")) as picture:
        assert len(set(picture.convert("RGB").get_flattened_data())) > 10


def test_a_long_gap_is_jumped_and_counted(tmp_path):
    node = Export(path=tmp_path / "x.gif", fps=10, max_gap="1s")
    node.start(events=StreamInfo(4, 4))
    for t in (0, 3_600_000_000):
        record = np.zeros(1, EVENT_DTYPE)
        record["t"] = t
        node.events(Events(record, 4, 4))
    node.finish(0)
    node.close(complete=True)
    assert node.skipped == {"pictures_in_gaps": 35_990}


def test_a_view_without_a_display_says_so_and_goes_on(monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    node = View()
    node.start(message=StreamInfo(12, 9))
    node.message(Events.empty(12, 9))
    node.close(complete=True)
    assert "no display" in capsys.readouterr().err


def test_a_tap_publishes_under_its_name():
    class Post:
        def __init__(self):
            self.sent = []

        def publisher(self, name, info):
            return lambda message: self.sent.append((name, message))

    node = Tap(name="clean")
    node.services = Post()
    node.start(message=StreamInfo(12, 9))
    packet = Events.empty(12, 9)
    assert node.message(packet) is None
    assert node.services.sent == [("clean", packet)]
    json.dumps(node.results)


@pytest.mark.parametrize("suffix", ["mp4", "gif", "png"])
def test_a_film_that_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch, suffix):
    node = Export(path=tmp_path / f"x.{suffix}")
    node.start(events=StreamInfo(12, 9))

    def full():
        raise RecordingError("the disk is full")

    film = node._film
    monkeypatch.setattr(film, "finish", full)
    with pytest.raises(RecordingError, match="full"):
        node.close(complete=True)
    film.discard()
    assert list(tmp_path.iterdir()) == []
    assert node.outputs == []


def test_a_video_cut_short_is_noticed(tmp_path):
    node = Export(path=tmp_path / "x.mp4")
    node.start(events=StreamInfo(12, 9))
    part = node._film._part
    node._film._writer.release()
    part.write_bytes(part.read_bytes()[:-10])
    with pytest.raises(RecordingError, match="could not be written whole"):
        node.close(complete=True)
    assert list(tmp_path.iterdir()) == []
