"""Prophesee's cameras, and those of its partners, through Metavision HAL, which comes with the vendor's SDK."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

import numpy as np

from eventflow.cameras.model import Camera, Found, UnpluggedError
from eventflow.cameras.settings import Settings, check_roi, check_supported, checked_biases
from eventflow.errors import LinkError, ParameterError

DRIVER: Final = "metavision"
PACKAGE: Final = "metavision_hal"
_POLL_S: Final = 0.0005
_ENCODINGS: Final = ("evt2", "evt21", "evt3")
_FACILITIES: Final = {
    "biases": "get_i_ll_biases",
    "roi": "get_i_roi",
    "rate_limit": "get_i_erc_module",
    "anti_flicker": "get_i_antiflicker_module",
    "trail": "get_i_event_trail_filter_module",
    "trigger_in": "get_i_trigger_in",
    "trigger_out": "get_i_trigger_out",
    "sync": "get_i_camera_synchronization",
}
_HELP: Final = (
    "check with `metavision_platform_info --system`; without permission copy the udev rules of the SDK "
    "(share/metavision/hal/…/udev) into /etc/udev/rules.d and plug the camera in again"
)


def load() -> Any:
    """Return the vendor's module.

    Raises:
        ImportError: the SDK is not there.
    """
    import metavision_hal

    return metavision_hal


def listed() -> list[Found]:
    """Return the devices that are connected."""
    found = load().DeviceDiscovery.list_available_sources_local()
    return [Found(DRIVER, f"{e.integrator_name} ({e.plugin_name})", e.serial, e.connection.name) for e in found]


def opened(serial: str | None) -> MetavisionCamera:
    """Open a device: that of a serial number, or the first.

    Raises:
        LinkError: it cannot be opened; the message says what to do.
    """
    hal = load()
    try:
        device = hal.DeviceDiscovery.open(serial or "")
    except Exception as error:
        raise LinkError(f"{PACKAGE} cannot open the camera: {error}; {_HELP}") from None
    if device is None:
        raise LinkError(f"{PACKAGE} sees no such camera; {_HELP}")
    return MetavisionCamera(device, hal)


class MetavisionCamera(Camera):
    """One device.

    Args:
        device: what `DeviceDiscovery.open` returned.
        hal: the vendor's module.
    """

    driver: ClassVar[str] = DRIVER

    def __init__(self, device: Any, hal: Any) -> None:
        self._device, self._hal = device, hal
        geometry, identity = device.get_i_geometry(), device.get_i_hw_identification()
        self.width, self.height = int(geometry.get_width()), int(geometry.get_height())
        self.name, self.serial = str(identity.get_sensor_info().name), str(identity.get_serial())
        self.encoding = encoding_of(str(identity.get_current_data_encoding_format()), self.name)
        facilities = {name: getattr(device, getter, lambda: None)() for name, getter in _FACILITIES.items()}
        self._has = {name: each for name, each in facilities.items() if each is not None}
        self.supports = frozenset(self._has)
        self._stream = device.get_i_events_stream()
        self._stream.start()

    def apply(self, settings: Settings) -> None:
        """Set the device up; see Camera.apply."""
        check_supported(settings, self.supports, self.name)
        for name in sorted(self.supports):
            getattr(self, f"_set_{name}")(settings, self._has[name])

    def _set_biases(self, settings: Settings, biases: Any) -> None:
        ranges = {name: tuple(biases.get_bias_info(name).get_bias_range()) for name in biases.get_all_biases()}
        for name, value in checked_biases(settings.biases, ranges, self.name).items():
            if not biases.set(name, value):
                raise ParameterError(f"{self.name} refuses bias {name}={value}")

    def _set_roi(self, settings: Settings, roi: Any) -> None:
        if settings.roi is not None:
            check_roi(settings.roi, self.width, self.height)
            roi.set_window(self._hal.I_ROI.Window(*settings.roi))
        roi.enable(settings.roi is not None)

    def _set_rate_limit(self, settings: Settings, erc: Any) -> None:
        if settings.rate_limit is not None:
            low, high = erc.get_min_supported_cd_event_rate(), erc.get_max_supported_cd_event_rate()
            _check_range(self.name, "rate_limit", settings.rate_limit, low, high)
            erc.set_cd_event_rate(int(settings.rate_limit))
        erc.enable(settings.rate_limit is not None)

    def _set_anti_flicker(self, settings: Settings, filter: Any) -> None:
        filter.enable(False)
        if settings.anti_flicker is not None:
            low, high = filter.get_min_supported_frequency(), filter.get_max_supported_frequency()
            for each in settings.anti_flicker:
                _check_range(self.name, "anti_flicker", each, low, high)
            filter.set_frequency_band(*(int(each) for each in settings.anti_flicker))
            filter.set_filtering_mode(self._hal.I_AntiFlickerModule.AntiFlickerMode.BandStop)
            filter.enable(True)

    def _set_trail(self, settings: Settings, filter: Any) -> None:
        filter.enable(False)
        if settings.trail != "off":
            low, high = filter.get_min_supported_threshold(), filter.get_max_supported_threshold()
            _check_range(self.name, "trail_threshold", settings.trail_threshold, low, high)
            chosen = filter.set_trail_filter if settings.trail == "trail" else filter.set_stc_cut_trail_filter
            if not chosen():
                raise ParameterError(f"{self.name} has no trail={settings.trail}")
            filter.set_threshold(settings.trail_threshold)
            filter.enable(True)

    def _set_trigger_in(self, settings: Settings, trigger: Any) -> None:
        main = self._hal.I_TriggerIn.Channel.MAIN
        (trigger.enable if settings.trigger_in else trigger.disable)(main)

    def _set_trigger_out(self, settings: Settings, trigger: Any) -> None:
        if settings.trigger_out is None:
            trigger.disable()
            return
        trigger.set_period(settings.trigger_out)
        trigger.set_duty_cycle(0.5)
        trigger.enable()

    def _set_sync(self, settings: Settings, sync: Any) -> None:
        if not getattr(sync, f"set_mode_{settings.sync}")():
            raise LinkError(f"{self.name} cannot be the {settings.sync} of a synchronisation; check the cable")

    def receive(self, timeout_s: float) -> list[Any]:
        """Return the bytes that have come; see Camera.receive."""
        end = time.monotonic() + timeout_s
        while True:
            state = self._stream.poll_buffer()
            if state > 0:
                return [bytes_of(self._stream.get_latest_raw_data())]
            if state < 0:
                raise UnpluggedError("the events stream has ended")
            if time.monotonic() > end:
                return []
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Stop the stream and give the device back."""
        if self._device is not None:
            self._stream.stop()
        self._device = None


def encoding_of(says: str, device: str) -> str:
    """Return how bytes are decoded, from what HAL says: EVT3;height=720;width=1280.

    Raises:
        LinkError: they are not decoded here.
    """
    name, *fields = says.lower().split(";")
    if name not in _ENCODINGS:
        raise LinkError(f"{device} sends {says}; set it to one of {', '.join(_ENCODINGS)}")
    return ";".join([name, *(each for each in fields if each.startswith("endianness="))])


def bytes_of(buffer: Any) -> bytes:
    """Return what a RawDataBuffer holds; versions of it without a buffer interface give their bytes one by one."""
    try:
        return bytes(memoryview(buffer))
    except TypeError:
        return np.fromiter(buffer, np.uint8, len(buffer)).tobytes()


def _check_range(device: str, name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{name}={value:g} is out of the range of {device}: {low:g} to {high:g}")
