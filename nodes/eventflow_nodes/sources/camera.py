"""An event camera."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

import numpy as np

from eventflow.cameras.finding import open_camera
from eventflow.cameras.model import UnpluggedError
from eventflow.cameras.settings import Settings, Sync, Trail, settings_from
from eventflow.cameras.words import WordStream
from eventflow.errors import LinkError, ParameterError
from eventflow.events import Events
from eventflow.graph.node import Source
from eventflow.graph.parameters import Live, Range
from eventflow.io.order import BEFORE_ALL_TIME, TimeOrder
from eventflow.messages import Frame, Imu, Raw, Reset, StreamInfo, Triggers, Watermark, first_time_of, time_of
from eventflow.units import Duration, ms, s, text_from_duration

_WAIT_S: Final = 0.02
_RETRY_S: Final = 0.5
_CHANGEABLE: Final = (
    "biases", "roi", "rate_limit", "anti_flicker", "trail", "trail_threshold", "noise_filter", "trigger_out",
)  # fmt: skip
_BY_TYPE: Final = {Events: "events", Triggers: "triggers", Frame: "frames", Imu: "imu", Raw: "raw"}


class CameraStreams(NamedTuple):
    """What a camera sends; `raw` is the sensor's own bytes."""

    events: Events | None = None
    triggers: Triggers | None = None
    frames: Frame | None = None
    imu: Imu | None = None
    raw: Raw | None = None


class CameraSource(Source):
    """Receive from an event camera: Prophesee's, iniVation's, and others that their drivers know.

    `eventflow nodes camera` lists what is connected. Biases, the region and the chip's filters may change while the
    graph runs. A camera that is unplugged is waited for; the gap is counted, and every node below starts anew with the
    first packet after it. Of Prophesee's cameras the port `raw` gives the sensor's own bytes: into `record` with a path
    such as flight.raw they go undecoded.

    Args:
        driver: neuromorphic (package neuromorphic-drivers), dv (dv-processing), metavision (Metavision HAL of the
            vendor's SDK), or auto: the first that sees the camera.
        serial: which camera; null: the only one.
        biases: single biases as NAME=NUMBER; they count more than those of `bias_file`.
        bias_file: a `.bias` file of Prophesee's.
        roi: region whose pixels are on: x, y, width, height; empty: all.
        rate_limit: events/s beyond which the chip itself throws events away; null: no limit.
        anti_flicker: low and high Hz of the band that the chip removes; empty: none.
        trail: the chip's filter of bursts: the first event of each (trail) or the second (stc_cut_trail).
        trail_threshold: events closer than this are one burst.
        noise_filter: correlation time of the chip's background activity filter; 0: off; null: as the driver has it.
        trigger_in: whether edges on the trigger input come from port `triggers`.
        trigger_out: period of the pulses on the trigger output; null: none.
        sync: whether its clock is its own, drives others (master) or follows another's (slave).
        raw: whether port `raw` gives the sensor's own bytes.
        patience: how long an unplugged camera is waited for; 0: end the stream.
        max_backstep: the largest step back in time that is mended.
    """

    live: ClassVar[bool] = True
    driver: Literal["auto", "neuromorphic", "dv", "metavision"] = "auto"
    serial: str | None = None
    biases: Annotated[list[str], Live()] = []  # noqa: RUF012 - a default, copied for each node
    bias_file: Path | None = None
    roi: Annotated[list[int], Live()] = []  # noqa: RUF012
    rate_limit: Annotated[float, Range(1), Live()] | None = None
    anti_flicker: Annotated[list[float], Live()] = []  # noqa: RUF012
    trail: Annotated[Trail, Live()] = "off"
    trail_threshold: Annotated[Duration, Range(1), Live()] = ms(10)
    noise_filter: Annotated[Duration, Range(0), Live()] | None = None
    trigger_in: bool = False
    trigger_out: Annotated[Duration, Range(2), Live()] | None = None
    sync: Sync = "standalone"
    raw: bool = False
    patience: Annotated[Duration, Range(0)] = s(30)
    max_backstep: Annotated[Duration, Range(0)] = ms(10)
    _reached: int
    _told: int

    def start(self) -> StreamInfo:
        """Open the camera and set it up."""
        self._camera = open_camera(self.driver, self.serial)
        camera = self._camera
        if self.raw and not camera.encoding:
            raise ParameterError(f"{camera.name} with driver {camera.driver} gives no bytes for a file; leave out raw")
        self._applied = self._settings()
        self._values = {name: getattr(self, name) for name in _CHANGEABLE}
        camera.apply(self._applied)
        self._begin_stream()
        source = f"{camera.name} {camera.serial}"
        return StreamInfo(camera.width, camera.height, source=source, live=True)

    def run(self) -> Iterator[CameraStreams | Reset | Watermark]:
        """Yield messages as they come."""
        while True:
            try:
                self._follow_settings()
                received = self._camera.receive(_WAIT_S)
            except UnpluggedError as error:
                if not self.patience:
                    return
                yield from self._away(error)
                continue
            for item in received:
                yield from self._from_words(item) if isinstance(item, bytes) else self._on_port(item)
            self._count()
            # kinds that the driver decodes come in batches of their own, which may be out of step
            self._told = max(self._told, self._reached - self._camera.lag_us)
            yield Watermark(self._told)  # also before anything came, so that the run may end

    def close(self, *, complete: bool) -> None:
        """Give the camera back."""
        if hasattr(self, "_camera"):
            self._camera.close()
        super().close(complete=complete)

    def _settings(self) -> Settings:
        names = (*_CHANGEABLE[1:], "trigger_in", "sync")
        return settings_from({name: getattr(self, name) for name in names}, self.bias_file, self.biases)

    def _follow_settings(self) -> None:
        """Apply what was set since; a value that the camera refuses leaves it as it was."""
        try:
            asked = self._settings()
            if asked == self._applied:
                return
            self._camera.apply(asked)
        except ParameterError as error:
            logging.getLogger("eventflow.camera").error("%s; it stays as it was", error)
            self.skipped["settings refused"] += 1
            for name, value in self._values.items():
                setattr(self, name, value)
            return
        self._applied = asked
        self._values = {name: getattr(self, name) for name in _CHANGEABLE}

    def _begin_stream(self) -> None:
        camera = self._camera
        self._order = TimeOrder("clamp", max_backstep=self.max_backstep, on_jump="reset", name=camera.name)
        self._words = WordStream(camera.encoding, camera.width, camera.height, camera.name) if camera.encoding else None
        self._reached = self._told = BEFORE_ALL_TIME
        self._counted: Counter[str] = Counter()

    def _from_words(self, data: bytes) -> Iterator[CameraStreams | Reset]:
        assert self._words is not None
        for message in self._words.feed(data, self._order):
            yield from self._on_port(message)
        if self.raw:
            message = Raw(max(self._reached, 0), np.frombuffer(data, np.uint8), self._camera.encoding)
            yield CameraStreams(raw=message)

    def _on_port(self, message: Any) -> Iterator[CameraStreams | Reset]:
        if isinstance(message, Reset):
            self._reached = self._told = BEFORE_ALL_TIME
            yield message
            return
        if isinstance(message, Events) and not message.ordered:
            self.skipped["unordered packets"] += 1
            return
        if _earliest(message) < self._told:
            self.skipped["late messages"] += 1
            return
        self._reached = max(self._reached, time_of(message))
        yield CameraStreams(**{_BY_TYPE[type(message)]: message})

    def _away(self, error: UnpluggedError) -> Iterator[Reset | Watermark]:
        """Wait for the camera, and say how long it was away.

        Raises:
            LinkError: it did not come back.
        """
        name, serial, lost = self._camera.name, self._camera.serial, time.monotonic()
        self._camera.close()
        while True:
            try:
                self._camera = open_camera(self.driver, self.serial or serial)
                self._camera.apply(self._applied)
                break
            except LinkError as why:
                if time.monotonic() - lost > self.patience / 1e6:
                    raise LinkError(
                        f"{name} {serial} was unplugged ({error}) and did not come back within "
                        f"{text_from_duration(self.patience)}: {why}"
                    ) from None
            yield Watermark(self._told)  # so that the run may end meanwhile
            time.sleep(_RETRY_S)
        self.skipped["gaps"] += 1
        self._begin_stream()
        yield Reset(f"the camera was away for {time.monotonic() - lost:.1f} s")

    def _count(self) -> None:
        found = Counter({"packets that the driver lost": self._camera.lost})
        found.update({} if self._words is None else self._words.skipped)
        self.skipped.update(found - self._counted)
        self._counted = found
        self.repaired.update(Counter(self._order.repaired) - self.repaired)


def _earliest(message: Any) -> int:
    """Return the earliest time in a message, µs: the messages of a few samples have theirs in a column."""
    if isinstance(message, (Triggers, Imu)):
        return int(message.time[0])
    return first_time_of(message)
