"""What a driver gives, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from eventflow.cameras.settings import Settings


@dataclass(frozen=True)
class Found:
    """A device that a driver sees.

    Attributes:
        driver: name of the driver.
        name: of the device, for people.
        serial: its serial number, or "" where the system does not let us ask.
        connection: how it is connected, for people.
        problem: why it cannot be opened and what to do, or "".
    """

    driver: str
    name: str
    serial: str = ""
    connection: str = ""
    problem: str = ""


class UnpluggedError(Exception):
    """The device went away."""


class Camera(ABC):
    """An opened device.

    Attributes:
        driver: name of the driver.
        name: of the device, for people.
        serial: its serial number.
        width: px.
        height: px.
        encoding: how the bytes from `receive` are to be decoded (see WordStream), or "": the driver decodes.
        lost: packets that the driver lost because nobody took them in time.
        lag_us: how much the kinds of messages that the driver decodes may be out of step.
        supports: names of the settings that the device has.
    """

    driver: ClassVar[str]
    name: str
    serial: str
    width: int
    height: int
    encoding: str = ""
    lost: int = 0
    lag_us: int = 0
    supports: frozenset[str] = frozenset()

    @abstractmethod
    def receive(self, timeout_s: float) -> list[Any]:
        """Return what has come: `bytes` to be decoded where `encoding` says how, else messages; nothing in time: [].

        Raises:
            UnpluggedError: the device is gone.
        """

    @abstractmethod
    def apply(self, settings: Settings) -> None:
        """Set the device up, or change it while it runs.

        Raises:
            ParameterError: a value that the device does not have or allow.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the device back. Safe to call twice."""
