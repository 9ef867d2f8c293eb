"""Devices as drivers hand them out, fed from recordings: the drivers' own types wherever their packages have them."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

HEADER_END = b"% end\n"


def words_of(path) -> bytes:
    """The words of a RAW file, without its header."""
    data = path.read_bytes()
    if HEADER_END in data[:4096]:
        return data[data.index(HEADER_END) + len(HEADER_END) :]
    while data.startswith(b"% "):
        data = data[data.index(b"\n") + 1 :]
    return data


def blocks(data: bytes, seed: int, most: int = 60_000) -> list[bytes]:
    """The bytes in blocks of any length, odd ones too."""
    borders = np.random.default_rng(seed).integers(1, most, 2 + 2 * len(data) // most).cumsum()
    cuts = [0, *(int(each) for each in borders if each < len(data)), len(data)]
    return [data[i:j] for i, j in itertools.pairwise(cuts)]


class NeuromorphicDevice:
    """What `neuromorphic_drivers.open` returns; it ends as a device that is unplugged does."""

    def __init__(self, nd: Any, name: str, packets: list[Any], *, raw: bool, bounds: Any) -> None:
        self._nd, self._name, self._packets, self._raw, self._bounds = nd, name, list(packets), raw, bounds
        self.configurations: list[Any] = []
        self.closed = False

    def name(self) -> Any:
        return self._nd.Name[self._name]

    def serial(self) -> str:
        return "00050000"

    def biases_bounds(self) -> Any:
        return self._bounds

    def update_configuration(self, configuration: Any) -> None:
        unions = self._nd.generated.unions
        name = self._nd.Name[self._name]
        # through the driver's own bytes, as the device gets them
        self.configurations.append(unions.deserialize_configuration(name, configuration.serialize()))

    def __next__(self) -> Any:
        status = self._nd.status
        if not self._packets:
            raise RuntimeError("NoDevice")
        packet = self._packets.pop(0)
        if packet is None:
            return status.RawStatus(0.0, None), None
        if self._raw:
            return status.RawStatus(0.0, status.RawRingStatus(0.0, 0, 1, False, [], 0)), packet
        return status.Status(0.0, status.RingStatus(0.0, 0, 1, False, 0, 0)), packet

    def close(self) -> None:
        self.closed = True


class HalBiases:
    def __init__(self) -> None:
        self.values = {"bias_diff_on": 0, "bias_diff_off": 0, "bias_fo": 0}

    def get_all_biases(self) -> dict[str, int]:
        return dict(self.values)

    def get_bias_info(self, name: str) -> Any:
        return SimpleNamespace(get_bias_range=lambda: (-85, 140))

    def set(self, name: str, value: int) -> bool:
        self.values[name] = value
        return True


class Recorder:
    """A facility that notes what is called, with the limits that the real one states."""

    LIMITS: ClassVar = {
        "get_min_supported_cd_event_rate": 0, "get_max_supported_cd_event_rate": 320_000_000,
        "get_min_supported_frequency": 50, "get_max_supported_frequency": 520,
        "get_min_supported_threshold": 1000, "get_max_supported_threshold": 100_000,
    }  # fmt: skip

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name in self.LIMITS:
                return self.LIMITS[name]
            self.calls.append((name, *arguments))
            return True

        return call


def metavision_device(packets: list[bytes], *, encoding: str, size: tuple[int, int], facilities: set[str]) -> Any:
    """What `metavision_hal.DeviceDiscovery.open` returns, under the names of its Python bindings."""
    waiting = list(packets)
    stream = SimpleNamespace(
        start=lambda: None,
        stop=lambda: None,
        poll_buffer=lambda: 1 if waiting else -1,
        get_latest_raw_data=lambda: waiting.pop(0),
    )
    identity = SimpleNamespace(
        get_sensor_info=lambda: SimpleNamespace(name="IMX636"),
        get_serial=lambda: "00051234",
        get_current_data_encoding_format=lambda: f"{encoding};height={size[1]};width={size[0]}",
    )
    device = SimpleNamespace(
        get_i_geometry=lambda: SimpleNamespace(get_width=lambda: size[0], get_height=lambda: size[1]),
        get_i_hw_identification=lambda: identity,
        get_i_events_stream=lambda: stream,
        made={},
    )
    for name in facilities:
        device.made[name] = HalBiases() if name == "get_i_ll_biases" else Recorder()
        setattr(device, name, lambda name=name: device.made[name])
    return device


def metavision_module(device: Any) -> Any:
    """`metavision_hal` with one camera."""
    description = SimpleNamespace(
        integrator_name="Prophesee", plugin_name="hal_plugin_prophesee", serial="00051234",
        connection=SimpleNamespace(name="USB_LINK"),
    )  # fmt: skip
    return SimpleNamespace(
        DeviceDiscovery=SimpleNamespace(open=lambda serial: device, list_available_sources_local=lambda: [description]),
        I_ROI=SimpleNamespace(Window=lambda *area: area),
        I_TriggerIn=SimpleNamespace(Channel=SimpleNamespace(MAIN="main")),
        I_AntiFlickerModule=SimpleNamespace(AntiFlickerMode=SimpleNamespace(BandStop="stop")),
    )
