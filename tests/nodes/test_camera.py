"""The node `camera` on each driver, fed with recorded bytes through the drivers' own types where there are any."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import eventflow as ef
from eventflow.cameras import finding, metavision, neuromorphic
from eventflow.errors import EventflowError, LinkError, MissingExtraError, ParameterError
from eventflow.graph.file import graph_from_dict
from eventflow.messages import Raw, Reset, Triggers, Watermark

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "cameras"))
from fake_devices import (
    NeuromorphicDevice,
    Recorder,
    blocks,
    metavision_device,
    metavision_module,
    words_of,
)

from eventflow_nodes.sources.camera import CameraSource

_FACILITIES = {
    "get_i_ll_biases", "get_i_roi", "get_i_erc_module", "get_i_antiflicker_module", "get_i_event_trail_filter_module",
    "get_i_trigger_in", "get_i_trigger_out", "get_i_camera_synchronization",
}  # fmt: skip


@pytest.fixture
def nd() -> Any:
    return pytest.importorskip("neuromorphic_drivers")


@pytest.fixture
def evk4(nd: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`evk4(packets, …)` plugs an EVK4 in whose stream is those bytes; each further list is what it sends next time."""

    def plug(*sessions: list[Any]) -> list[NeuromorphicDevice]:
        module = nd.prophesee_evk4
        bounds = module.BiasesBounds(diff_on=module.Bounds(-85, 140), fo=module.Bounds(-35, 55))
        waiting, devices = list(sessions), []

        def opened(configuration: Any, serial: Any, iterator_timeout: float, raw: bool) -> NeuromorphicDevice:
            assert raw
            assert configuration.type() == "prophesee_evk4"
            devices.append(NeuromorphicDevice(nd, "PROPHESEE_EVK4", waiting.pop(0), raw=raw, bounds=bounds))
            return devices[-1]

        listed = nd.ListedDevice(nd.Name.PROPHESEE_EVK4, nd.Connection.USB_SUPER, "", "00050000", None)
        monkeypatch.setattr(nd, "list_devices", lambda: [listed] if waiting else [])
        monkeypatch.setattr(nd, "open", opened)
        return devices

    return plug


def run_camera(folder: Path, flow: list[str], nodes: dict[str, Any], **camera: Any) -> dict[str, Any]:
    everything = {"camera": {"use": "camera", "patience": 0, **camera}, **nodes}
    graph = graph_from_dict({"name": "live", "nodes": everything, "flow": flow})
    return ef.run(graph, place="fused")


@pytest.mark.samples
@pytest.mark.parametrize("name", ["gen41_vectors.evt3.raw", "imx636_time_wrap.evt3.raw"])
def test_an_evk4_gives_the_events_of_its_bytes_and_the_bytes(
    samples: Path, tmp_path: Path, evk4: Any, name: str
) -> None:
    words = words_of(samples / "evt" / name)
    evk4([None, *blocks(words, seed=3), None])
    nodes = {
        "kept": {"use": "write", "path": str(tmp_path / "events.npz")},
        "flight": {"use": "record", "path": str(tmp_path / "flight.raw")},
    }
    summary = run_camera(tmp_path, ["camera.events -> kept", "camera.raw -> flight"], nodes, raw=True)
    recorded = ef.read(samples / "evt" / name, width=1280, height=720, backwards="clamp")
    assert ef.read(tmp_path / "events.npz").records.tobytes() == recorded.records.tobytes()
    assert words_of(tmp_path / "flight.raw") == words
    assert ef.read(tmp_path / "flight.raw", backwards="clamp").records.tobytes() == recorded.records.tobytes()
    assert summary["lossless"]


@pytest.mark.samples
def test_a_camera_that_is_unplugged_and_comes_back_is_a_counted_gap_and_a_reset(
    samples: Path, evk4: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventflow_nodes.sources.camera._RETRY_S", 0.0)
    parts = blocks(words_of(samples / "evt" / "gen41_vectors.evt3.raw"), seed=4)
    devices = evk4(parts[: len(parts) // 2], parts)
    source = CameraSource(patience=1, biases=["diff_on=7"])
    source.start()
    seen: list[Any] = []
    items = source.run()
    with pytest.raises(LinkError, match=r"was unplugged .*NoDevice.* did not come back within 1us"):
        seen += iter(lambda: seen.append(next(items)), 0)
    (gap,) = [i for i, each in enumerate(seen) if isinstance(each, Reset)]
    assert source.skipped["gaps"] == 1
    whole = ef.read(samples / "evt" / "gen41_vectors.evt3.raw", width=1280, height=720, backwards="clamp")
    after = ef.Events.concat([each.events for each in seen[gap:] if getattr(each, "events", None) is not None])
    assert after.records.tobytes() == whole.records.tobytes()
    assert [each.configurations[0].biases.diff_on for each in devices] == [7, 7]
    assert all(each.closed for each in devices)


def test_triggers_come_with_their_times(nd: Any, evk4: Any) -> None:
    words = [0x8000, 0x6000 | 100, 0xA000 | 0x001, 0x0005, 0x2807, 0x6000 | 300, 0xA000, 0x2008]
    evk4([np.array(words, "<u2").tobytes()])
    source = CameraSource(patience=0, trigger_in=True, raw=True)
    source.start()
    seen = list(source.run())
    edges = [each.triggers for each in seen if getattr(each, "triggers", None) is not None]
    assert [(e.time.tolist(), e.value.tolist()) for e in edges] == [([100, 300], [1, 0])]
    (events,) = [each.events for each in seen if getattr(each, "events", None) is not None]
    assert [tuple(map(int, (e["t"], e["x"], e["y"], e["p"]))) for e in events.records] == [
        (100, 7, 5, 1),
        (300, 8, 5, 0),
    ]
    (raw,) = [each.raw for each in seen if getattr(each, "raw", None) is not None]
    assert isinstance(raw, Raw)
    assert (raw.t, raw.encoding, len(raw.data)) == (300, "evt3", 16)
    assert seen[-1] == Watermark(300)


def test_settings_reach_the_device_in_the_drivers_own_form_and_change_while_it_runs(nd: Any, evk4: Any) -> None:
    devices = evk4([None, None, None])
    source = CameraSource(
        patience=0, biases=["bias_diff_on=20", "fo=-5"], roi=[100, 200, 300, 50], rate_limit=1e6, sync="slave"
    )
    source.start()
    (device,) = devices
    first = device.configurations[-1]
    assert (first.biases.diff_on, first.biases.fo, first.clock) == (20, -5, nd.prophesee_evk4.Clock.EXTERNAL)
    assert first.rate_limiter.maximum_events_per_period == 200
    columns, rows = (
        np.unpackbits(np.array(m, "<u8").view("u1"), bitorder="little") for m in (first.x_mask, first.y_mask)
    )
    assert np.flatnonzero(columns[:1280] == 0).tolist() == list(range(100, 400))
    assert np.flatnonzero(rows[:720] == 0).tolist() == list(range(200, 250))
    items = source.run()
    next(items)
    source.biases = ["diff_on=30"]
    next(items)
    assert device.configurations[-1].biases.diff_on == 30
    source.biases = ["diff_on=300"]
    next(items)
    assert source.biases == ["diff_on=30"]  # refused, counted, and the camera goes on
    assert source.skipped["settings refused"] == 1
    assert len(device.configurations) == 2


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"biases": ["dif_on=1"]}, "Did you mean 'diff_on'"),
        ({"biases": ["diff_on=999"]}, "-85 to 140"),
        ({"roi": [1000, 0, 500, 10]}, "not within the 1280x720 sensor"),
        ({"roi": [1, 2]}, "expected 4 numbers"),
        ({"anti_flicker": [50.0, 120.0]}, "no anti_flicker"),
        ({"trail": "trail"}, "no trail"),
        ({"trigger_out": 1000}, "no trigger_out"),
    ],
)
def test_what_the_camera_does_not_have_is_said_before_the_run(
    evk4: Any, parameters: dict[str, Any], words: str
) -> None:
    evk4([None])
    with pytest.raises(ParameterError, match=words):
        CameraSource(**parameters).start()


def test_what_the_driver_decodes_itself_becomes_messages(nd: Any) -> None:
    davis = nd.packet.Davis346Packet()
    davis.polarity_events = np.array(
        [(5, 1, 2, True), (6, 3, 4, False)], [("t", "u8"), ("x", "u2"), ("y", "u2"), ("on", "?")]
    )
    davis.trigger_events = np.array([(7, 1), (9, 0)], [("t", "u8"), ("polarity", "u1")])
    names = [f"{kind}_{axis}" for kind in ("accelerometer", "gyroscope") for axis in "xyz"]
    davis.imu_events = np.array(
        [(8, 1, 2, 3, 4, 5, 6, 30)], [("t", "u8"), *((n, "f4") for n in (*names, "temperature"))]
    )
    frame = nd.packet.Frame()
    frame.t, frame.pixels = 11, np.full((260, 346), 65472, np.uint16)
    davis.frames = [frame]
    events, triggers, imu, image = neuromorphic.messages_of(davis, 346, 260)
    assert events.records.tolist() == [(5, 1, 2, 1), (6, 3, 4, 0)]
    assert (triggers.time.tolist(), triggers.value.tolist(), triggers.line.tolist()) == ([7, 9], [1, 0], [0, 0])
    assert (imu.accel.tolist(), imu.gyro.tolist()) == ([[1, 2, 3]], [[4, 5, 6]])
    assert (image.t, image.image.max(), image.image.shape) == (11, 255, (260, 346))


@pytest.mark.samples
@pytest.mark.parametrize("name", ["gen3.evt2.raw", "gen41_little.evt21.raw", "gen41_vectors.evt3.raw"])
def test_metavision_gives_the_events_of_its_bytes(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    encoding, path = name.split(".")[1], samples / "evt" / name
    recorded = ef.read(path, backwards="clamp")
    size = (recorded.width, recorded.height)
    says = "EVT21;endianness=little" if encoding == "evt21" else encoding.upper()
    device = metavision_device(blocks(words_of(path), seed=5), encoding=says, size=size, facilities=_FACILITIES)
    monkeypatch.setitem(sys.modules, "metavision_hal", metavision_module(device))
    nodes = {
        "kept": {"use": "write", "path": str(tmp_path / "events.npz")},
        "flight": {"use": "record", "path": str(tmp_path / "flight.raw"), "format": encoding},
    }
    run_camera(
        tmp_path,
        ["camera.events -> kept", "camera.raw -> flight"],
        nodes,
        driver="metavision",
        raw=True,
        serial="00051234",
    )
    assert ef.read(tmp_path / "events.npz").records.tobytes() == recorded.records.tobytes()
    assert words_of(tmp_path / "flight.raw") == words_of(path)


def test_metavision_facilities_are_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    device = metavision_device([], encoding="EVT3", size=(1280, 720), facilities=_FACILITIES)
    monkeypatch.setitem(sys.modules, "metavision_hal", metavision_module(device))
    source = CameraSource(
        driver="metavision", biases=["diff_on=12"], roi=[1, 2, 3, 4], rate_limit=5e6, anti_flicker=[90.0, 110.0],
        trail="stc_cut_trail", trail_threshold=20_000, trigger_in=True, trigger_out=1000, sync="master",
    )  # fmt: skip
    source.start()
    made = {name: each.calls for name, each in device.made.items() if isinstance(each, Recorder)}
    assert device.made["get_i_ll_biases"].values["bias_diff_on"] == 12
    assert made["get_i_roi"] == [("set_window", (1, 2, 3, 4)), ("enable", True)]
    assert made["get_i_erc_module"] == [("set_cd_event_rate", 5_000_000), ("enable", True)]
    assert made["get_i_antiflicker_module"][1:] == [
        ("set_frequency_band", 90, 110), ("set_filtering_mode", "stop"), ("enable", True),
    ]  # fmt: skip
    assert ("set_threshold", 20_000) in made["get_i_event_trail_filter_module"]
    assert made["get_i_trigger_in"] == [("enable", "main")]
    assert made["get_i_trigger_out"] == [("set_period", 1000), ("set_duty_cycle", 0.5), ("enable",)]
    assert made["get_i_camera_synchronization"] == [("set_mode_master",)]
    with pytest.raises(ParameterError, match="trail_threshold=10 is out of the range of IMX636: 1000 to 100000"):
        CameraSource(driver="metavision", trail="trail", trail_threshold=10).start()


@pytest.mark.samples
def test_dv_gives_what_its_own_types_hold(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dv = pytest.importorskip("dv_processing")
    recorded = ef.read(samples / "aedat" / "davis346_frames_imu.aedat4")
    store = dv.EventStore()
    for t, x, y, p in recorded.records.tolist():
        store.push_back(t, x, y, bool(p))
    first = int(recorded.t[0])
    triggers = [
        dv.Trigger(first + 5, dv.TriggerType.EXTERNAL_SIGNAL_RISING_EDGE),
        dv.Trigger(first + 6, dv.TriggerType.APS_FRAME_START),
        dv.Trigger(first + 9, dv.TriggerType.EXTERNAL_SIGNAL_FALLING_EDGE),
    ]
    samples_of_imu = [dv.IMU(first + 7, 30.0, 1.0, 0.0, -1.0, 180.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    waiting = {"events": [store], "triggers": [triggers], "imu": [samples_of_imu]}
    waiting["frames"] = [dv.Frame(first + 8, np.full((260, 346), 9, np.uint8))]

    def taken(kind: str) -> Any:
        return lambda: waiting[kind].pop() if waiting[kind] else None

    device = SimpleNamespace(
        getEventResolution=lambda: (346, 260), getCameraName=lambda: "DAVIS346",
        getSerialNumber=lambda: "00000001",
        getNextEventBatch=taken("events"), getNextTriggerBatch=taken("triggers"), getNextImuBatch=taken("imu"),
        getNextFrame=taken("frames"), isTriggerStreamAvailable=lambda: True, isImuStreamAvailable=lambda: True,
        isFrameStreamAvailable=lambda: True, isRunning=lambda: any(waiting.values()),
    )  # fmt: skip
    descriptor = SimpleNamespace(cameraModel=dv.io.camera.CameraModel.DAVIS, serialNumber="00000001", busNumber=3)
    monkeypatch.setattr(dv.io.camera, "discover", lambda: [descriptor])
    monkeypatch.setattr(dv.io.camera, "open", lambda *serial: device)
    source = CameraSource(driver="dv", patience=0)
    assert source.start().width == 346
    seen = [each for each in source.run() if not isinstance(each, Watermark)]
    found = {name: value for each in seen for name, value in each._asdict().items() if value is not None}
    assert found["events"].records.tobytes() == recorded.records.tobytes()
    assert isinstance(found["triggers"], Triggers)
    assert (found["triggers"].time - first).tolist() == [5, 9]
    assert np.allclose(found["imu"].accel, [[9.80665, 0, -9.80665]])
    assert np.allclose(found["imu"].gyro, [[np.pi, 0, 0]])
    assert found["frames"].image.tolist() == np.full((260, 346), 9).tolist()


def test_no_camera_says_what_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(load=lambda: None, listed=list)
    monkeypatch.setattr(finding, "driver_module", lambda name: fake)
    with pytest.raises(LinkError, match=r"no camera with serial number 42 was found; is it plugged in"):
        finding.open_camera("auto", "42")


def test_a_driver_that_is_not_installed_says_how_to_install_it() -> None:
    if not finding.missing("metavision"):
        pytest.skip("the vendor's SDK is here")
    with pytest.raises(MissingExtraError, match="Metavision SDK or OpenEB"):
        finding.open_camera("metavision")
    assert metavision.PACKAGE == "metavision_hal"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("BusNumberAndAddressAccessError", "neuromorphic-drivers-install-udev-rules"),
        ("Resource busy", "other programs"),
    ],
)
def test_a_camera_that_may_not_be_opened_says_what_to_do(
    nd: Any, monkeypatch: pytest.MonkeyPatch, error: str, words: str
) -> None:
    listed = nd.ListedDevice(nd.Name.PROPHESEE_EVK4, nd.Connection.USB_SUPER, "", None, error)
    monkeypatch.setattr(nd, "list_devices", lambda: [listed])
    with pytest.raises(EventflowError, match=words):
        finding.open_camera("neuromorphic")


def test_two_cameras_need_a_serial_number(nd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [nd.ListedDevice(nd.Name.PROPHESEE_EVK4, nd.Connection.USB_SUPER, "", serial, None) for serial in ("1", "2")]
    monkeypatch.setattr(nd, "list_devices", lambda: both)
    with pytest.raises(LinkError, match="2 cameras are connected; say serial= one of 1, 2"):
        finding.open_camera()


def test_a_driver_that_cannot_look_at_usb_is_a_line_and_no_crash(nd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("Other error")

    monkeypatch.setattr(nd, "list_devices", broken)
    devices, problem = finding.found_by("neuromorphic")
    assert devices == []
    assert "cannot look at USB" in problem
