"""Cameras through `neuromorphic-drivers`: Prophesee EVK3 HD and EVK4, DAVIS346, DVXplorer, and what else it lists.

Of the Prophesee kits the driver's raw bytes are taken and decoded here, so that what is recorded and what is seen are
the same stream, rows as in the vendor's files (the driver's own decoder turns the rows round). The others' USB packets
have no file format; they are decoded by the driver.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, ClassVar, Final

import numpy as np

from eventflow.cameras.model import Camera, Found, UnpluggedError
from eventflow.cameras.settings import Settings, check_roi, check_supported, checked_biases
from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.messages import Frame, Imu, Triggers

DRIVER: Final = "neuromorphic"
PACKAGE: Final = "neuromorphic-drivers"
_WAIT_S: Final = 0.02
_RATE_PERIOD_US: Final = 200
_WORDS: Final = {"prophesee_evk3_hd": "evt3", "prophesee_evk4": "evt3"}
_UDEV: Final = "let this user use the device: run `sudo neuromorphic-drivers-install-udev-rules` and plug it in again"


def load() -> Any:
    """Return the driver's package.

    Raises:
        ImportError: it is not installed.
    """
    import neuromorphic_drivers

    return neuromorphic_drivers


def listed() -> list[Found]:
    """Return the devices that are connected.

    Raises:
        LinkError: USB cannot be looked at.
    """
    try:
        devices = load().list_devices()
    except RuntimeError as error:
        has_usb = os.path.isdir("/dev/bus/usb")
        why = str(error) if has_usb else "there is no /dev/bus/usb (in a container: pass it through)"
        raise LinkError(f"{PACKAGE} cannot look at USB: {why}") from None
    return [
        Found(DRIVER, each.name.value, each.serial or "", each.connection.value, problem_of(each.error))
        for each in devices
    ]


def problem_of(error: str | None) -> str:
    """Return what to do about a device that cannot be opened, or ""."""
    if not error:
        return ""
    denied = any(word in error.lower() for word in ("access", "permission", "denied"))
    return f"{error}; {_UDEV}" if denied else f"{error}; close other programs that use it, or plug it in again"


def opened(serial: str | None) -> NeuromorphicCamera:
    """Open a device: that of a serial number, or the only one.

    Raises:
        LinkError: it cannot be opened; the message says what to do.
    """
    nd = load()
    name = next((each.name for each in nd.list_devices() if serial in (None, each.serial)), None)
    if name is None:
        raise LinkError(f"{PACKAGE} sees no such camera")
    module = getattr(nd, _module_name(name))
    words = _WORDS.get(module.__name__.rpartition(".")[2], "")
    try:
        device = nd.open(configuration=module.Configuration(), serial=serial, iterator_timeout=_WAIT_S, raw=bool(words))
    except RuntimeError as error:
        raise LinkError(f"{name.value}: {problem_of(str(error))}") from None
    return NeuromorphicCamera(device, module, words)


def _module_name(name: Any) -> str:
    return str(name.name).lower()


class NeuromorphicCamera(Camera):
    """One device.

    Args:
        device: what `neuromorphic_drivers.open` returned.
        module: the driver's module of that kind of device: Configuration, Biases, Properties.
        encoding: of its raw bytes, or "".
    """

    driver: ClassVar[str] = DRIVER

    def __init__(self, device: Any, module: Any, encoding: str) -> None:
        self._device, self._module, self.encoding = device, module, encoding
        properties = module.Properties()
        self.width, self.height = int(properties.width), int(properties.height)
        self.name, self.serial = str(device.name().value), str(device.serial())
        self.lag_us = 0 if encoding else 20_000
        self._plain = module.Configuration()
        has = {name for name in ("biases", "rate_limiter", "clock") if hasattr(self._plain, name)}
        names = {"biases": {"biases"}, "rate_limiter": {"rate_limit"}, "clock": {"sync"}}
        self.supports = frozenset[str]().union(*(names[each] for each in has), self._also())

    def _also(self) -> set[str]:
        found = set()
        if hasattr(self._plain, "x_mask") or hasattr(self._plain, "region_of_interest"):
            found.add("roi")
        if hasattr(self._plain, "enable_external_trigger") or not self.encoding:
            found.add("trigger_in")  # iniVation's detector always runs with this driver
        if hasattr(self._plain, "activity_filter"):
            found.add("noise_filter")
        return found

    def apply(self, settings: Settings) -> None:
        """Hand over a new configuration; see Camera.apply."""
        check_supported(settings, self.supports, self.name)
        changes: dict[str, Any] = {"biases": self._biases(settings)}
        if settings.roi is not None:
            check_roi(settings.roi, self.width, self.height)
            changes |= self._region(settings.roi)
        if settings.rate_limit is not None:
            most = max(round(settings.rate_limit * _RATE_PERIOD_US / 1e6), 1)
            changes["rate_limiter"] = self._module.RateLimiter(_RATE_PERIOD_US, most)
        if "clock" in vars(self._plain):
            clock = self._module.Clock
            modes = {"standalone": clock.INTERNAL, "master": clock.INTERNAL_WITH_OUTPUT_ENABLED}
            changes["clock"] = modes.get(settings.sync, clock.EXTERNAL)
        if "enable_external_trigger" in vars(self._plain):
            changes["enable_external_trigger"] = settings.trigger_in
        if settings.noise_filter is not None:
            tau_ms = max(round(settings.noise_filter / 1000), 1)
            changes["activity_filter"] = self._module.ActivityFilter(settings.noise_filter > 0, tau_ms)
        self._device.update_configuration(replace(self._plain, **changes))

    def _biases(self, settings: Settings) -> Any:
        bounds = self._device.biases_bounds()
        ranges = {name: (int(each.minimum), int(each.maximum)) for name, each in vars(bounds).items()}
        return replace(self._plain.biases, **checked_biases(settings.biases, ranges, self.name))

    def _region(self, roi: tuple[int, int, int, int]) -> dict[str, Any]:
        if hasattr(self._plain, "region_of_interest"):
            return {"region_of_interest": self._module.RegionOfInterest(*roi)}
        mask = self._module.RowColumnMask(set=True)
        mask.clear_rectangle(*roi)
        return {"x_mask": mask.x_mask(), "y_mask": mask.y_mask()}

    def receive(self, timeout_s: float) -> list[Any]:
        """Return what has come; see Camera.receive."""
        try:
            status, packet = next(self._device)
        except (RuntimeError, StopIteration) as error:
            raise UnpluggedError(str(error) or "the driver ended the stream") from None
        if status.ring is None or packet is None:
            return []
        if self.encoding:
            self.lost += len(status.ring.overflow_indices or ())
            return [bytes(packet)]
        overflow = packet.polarity_events_overflow_indices
        self.lost += 0 if overflow is None else len(overflow)
        return messages_of(packet, self.width, self.height)

    def close(self) -> None:
        """Give the device back."""
        self._device.close()


def messages_of(packet: Any, width: int, height: int) -> list[Any]:
    """Return the messages in a packet that the driver decoded."""
    found: list[Any] = []
    if packet.polarity_events is not None and len(packet.polarity_events):
        found.append(Events.from_numpy(packet.polarity_events, width=width, height=height))
    edges = packet.trigger_events
    if edges is not None and len(edges):
        value = edges[edges.dtype.names[-1]].astype(np.uint8)  # rising, or a polarity
        time = edges["t"].astype(np.int64)
        line = edges["id"].astype(np.uint8) if "id" in edges.dtype.names else np.zeros_like(value)
        found.append(Triggers(int(time[-1]), time, line, value))
    samples = getattr(packet, "imu_events", None)
    if samples is not None and len(samples):
        time = samples["t"].astype(np.int64)
        accel, gyro = (_columns(samples, name) for name in ("accelerometer", "gyroscope"))
        found.append(Imu(int(time[-1]), time, accel, gyro))
    found += [Frame((each.pixels >> 8).astype(np.uint8), int(each.t)) for each in getattr(packet, "frames", ())]
    return found


def _columns(samples: Any, name: str) -> Any:
    return np.stack([samples[f"{name}_{axis}"] for axis in "xyz"], axis=1).astype(np.float32)
