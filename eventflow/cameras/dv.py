"""iniVation's cameras through dv-processing: DAVIS, DVXplorer, DVXplorer Mini and S, DVS128."""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta
from typing import Any, ClassVar, Final

import numpy as np

from eventflow.cameras.model import Camera, Found, UnpluggedError
from eventflow.cameras.settings import Settings, check_roi, check_supported, checked_biases
from eventflow.errors import LinkError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Frame, Imu, Triggers

DRIVER: Final = "dv"
PACKAGE: Final = "dv-processing"
_STANDARD_GRAVITY: Final = 9.80665
_POLL_S: Final = 0.001
_UDEV: Final = (
    "let this user use the device: copy iniVation's 65-inivation.rules into /etc/udev/rules.d, run `sudo udevadm "
    "control --reload-rules`, and plug the camera in again; close other programs that use it"
)
_CONTRAST: Final = {"contrast_on": "setContrastThresholdOn", "contrast_off": "setContrastThresholdOff"}
_COARSE_FINE_BITS: Final = 8
_EDGES: Final = {"EXTERNAL_SIGNAL_RISING_EDGE": 1, "EXTERNAL_SIGNAL_FALLING_EDGE": 0, "EXTERNAL_SIGNAL_PULSE": 1}


def load() -> Any:
    """Return the package.

    Raises:
        ImportError: it is not installed.
    """
    import dv_processing

    return dv_processing


def listed() -> list[Found]:
    """Return the devices that are connected."""
    return [
        Found(DRIVER, str(each.cameraModel.name), each.serialNumber, f"USB bus {each.busNumber}")
        for each in load().io.camera.discover()
    ]


def opened(serial: str | None) -> DvCamera:
    """Open a device: that of a serial number, or the first.

    Raises:
        LinkError: it cannot be opened; the message says what to do.
    """
    dv = load()
    try:
        device = dv.io.camera.open() if serial is None else dv.io.camera.open(serial)
    except IndexError:
        raise LinkError(f"{PACKAGE} sees no camera") from None
    except (RuntimeError, ValueError) as error:
        raise LinkError(f"{PACKAGE} cannot open the camera: {error}; {_UDEV}") from None
    return DvCamera(device, dv)


class DvCamera(Camera):
    """One device.

    Args:
        device: what `dv_processing.io.camera.open` returned.
        dv: the package.
    """

    driver: ClassVar[str] = DRIVER

    def __init__(self, device: Any, dv: Any) -> None:
        self._device, self._dv = device, dv
        self.width, self.height = (int(each) for each in device.getEventResolution())
        self.name = str(device.getCameraName())
        self.serial = str(device.getSerialNumber()) if hasattr(device, "getSerialNumber") else self.name
        self.lag_us = 50_000
        has = {
            "biases": any(hasattr(device, each) for each in ("setContrastThresholdOn", "setBias"))
            or hasattr(device, "setDavis346BiasCoarseFine"),
            "roi": hasattr(device, "setCropArea"),
            "noise_filter": hasattr(device, "setBackgroundActivityFilter"),
            "trigger_in": hasattr(device, "setDetectorRunning"),
            "trigger_out": hasattr(device, "setGeneratorRunning"),
            "sync": hasattr(device, "isMaster"),
        }
        self.supports = frozenset(name for name, there in has.items() if there)

    def apply(self, settings: Settings) -> None:
        """Set the device up; see Camera.apply."""
        check_supported(settings, self.supports, self.name)
        device = self._device
        self._set_biases(settings)
        if settings.roi is not None:
            check_roi(settings.roi, self.width, self.height)
            device.setCropArea(settings.roi)
        if settings.noise_filter is not None:
            device.setBackgroundActivityFilter(settings.noise_filter // 250)
        if "trigger_in" in self.supports:
            device.setDetectorRisingEdges(settings.trigger_in)
            device.setDetectorFallingEdges(settings.trigger_in)
            device.setDetectorRunning(settings.trigger_in)
        if "trigger_out" in self.supports:
            self._set_generator(settings.trigger_out)
        if settings.sync != "standalone" and (settings.sync == "master") != bool(device.isMaster()):
            is_now = "master" if device.isMaster() else "slave"
            raise LinkError(
                f"{self.name} is the {is_now}: the synchronisation cable decides. Plug it into "
                f"{'OUT' if settings.sync == 'master' else 'IN'} of this camera"
            )

    def _set_generator(self, period_us: int | None) -> None:
        device = self._device
        if period_us is not None:
            device.setGeneratorHighTime(timedelta(microseconds=period_us // 2))
            device.setGeneratorLowTime(timedelta(microseconds=period_us - period_us // 2))
        device.setGeneratorRunning(period_us is not None)

    def _set_biases(self, settings: Settings) -> None:
        ranges, device = self._bias_ranges(), self._device
        for name, value in checked_biases(settings.biases, ranges, self.name).items():
            if name in _CONTRAST:
                getattr(device, _CONTRAST[name])(value)
            elif hasattr(device, "setBias"):
                device.setBias(getattr(device.Bias, name), value)
            else:
                bias = getattr(device.Davis346BiasCF, name)
                device.setDavis346BiasCoarseFine(bias, value >> _COARSE_FINE_BITS, value & 0xFF)

    def _bias_ranges(self) -> dict[str, tuple[int, int]]:
        """Contrast thresholds; of a DVS128 its biases; of a DAVIS346 its coarse/fine ones, coarse * 256 + fine."""
        device = self._device
        ranges = {name: (0, 17) for name, setter in _CONTRAST.items() if hasattr(device, setter)}
        for kind, most in (("Bias", (1 << 24) - 1), ("Davis346BiasCF", (8 << _COARSE_FINE_BITS) - 1)):
            members = vars(getattr(device, kind)) if hasattr(device, kind) else ()
            ranges |= {name: (0, most) for name in members if name[0] != "_" and name not in ("name", "value")}
        return ranges

    def receive(self, timeout_s: float) -> list[Any]:
        """Return what has come; see Camera.receive."""
        end = time.monotonic() + timeout_s
        while True:
            found = self._batches()
            if found:
                return found
            if not self._device.isRunning():
                raise UnpluggedError("the camera has stopped")
            if time.monotonic() > end:
                return []
            time.sleep(_POLL_S)

    def _batches(self) -> list[Any]:
        device = self._device
        found: list[Any] = []
        with contextlib.suppress(EOFError):
            store = device.getNextEventBatch()
            if store is not None and store.size():
                found.append(events_of(store.numpy(), self.width, self.height))
            if device.isTriggerStreamAvailable():
                found += triggers_of(device.getNextTriggerBatch() or ())
            if device.isImuStreamAvailable():
                found += imu_of(device.getNextImuBatch() or ())
            frame = device.getNextFrame() if device.isFrameStreamAvailable() else None
            if frame is not None:
                image = np.asarray(frame.image)
                found.append(Frame(image[..., ::-1] if image.ndim == 3 else image, int(frame.timestamp)))
        return found

    def close(self) -> None:
        """Give the device back."""
        self._device = None


def events_of(records: Any, width: int, height: int) -> Events:
    """Return a copy of dv-processing's events, whose layout is ours but for the pad bytes."""
    words = np.ascontiguousarray(records).view(np.int64).reshape(-1, 2).copy()
    words[:, 1] &= 0x01_FFFF_FFFF
    return Events(words.reshape(-1).view(EVENT_DTYPE), width, height)


def triggers_of(batch: Any) -> list[Triggers]:
    """Return the edges of the external signal."""
    edges = [(int(each.timestamp), _EDGES[each.type.name]) for each in batch if each.type.name in _EDGES]
    if not edges:
        return []
    time_us = np.array([t for t, _ in edges], np.int64)
    value = np.array([each for _, each in edges], np.uint8)
    return [Triggers(int(time_us[-1]), time_us, np.zeros_like(value), value)]


def imu_of(batch: Any) -> list[Imu]:
    """Return inertial samples in m/s² and rad/s, of dv-processing's g and °/s."""
    samples = list(batch)
    if not samples:
        return []
    time_us = np.array([each.timestamp for each in samples], np.int64)
    accel = np.array([[each.accelerometerX, each.accelerometerY, each.accelerometerZ] for each in samples])
    gyro = np.array([[each.gyroscopeX, each.gyroscopeY, each.gyroscopeZ] for each in samples])
    accel, gyro = accel * _STANDARD_GRAVITY, np.deg2rad(gyro)
    return [Imu(int(time_us[-1]), time_us, accel.astype(np.float32), gyro.astype(np.float32))]
