"""Which cameras are connected, by every driver that is installed, and opening one of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import LinkError, MissingExtraError

if TYPE_CHECKING:
    from eventflow.cameras.model import Camera, Found

DRIVERS: Final = ("neuromorphic", "dv", "metavision")
_INSTALL: Final = {
    "neuromorphic": "pip install 'eventflow-dvs[camera]'",
    "dv": "pip install dv-processing",
    "metavision": "install Prophesee's Metavision SDK or OpenEB and put its Python modules on PYTHONPATH",
}


def driver_module(name: str) -> Any:
    """Return the adapter of a driver, which loads the driver's own package when it is asked for devices."""
    return import_module(f"eventflow.cameras.{name}")


def missing(name: str) -> str:
    """Return how to install a driver that is not there, or ""."""
    try:
        driver_module(name).load()
    except ImportError:
        return _INSTALL[name]
    return ""


def found_by(name: str) -> tuple[list[Found], str]:
    """Return the devices that a driver sees, and why it sees none where that is its own fault."""
    if how := missing(name):
        return [], f"not installed: {how}"
    try:
        return driver_module(name).listed(), ""
    except Exception as error:  # a driver's own failure is a line in a list
        return [], str(error) or type(error).__name__


def open_camera(driver: str = "auto", serial: str | None = None) -> Camera:
    """Open the camera of a serial number, or the only one that any driver sees.

    Args:
        driver: one of DRIVERS, or "auto": the first that sees the camera.
        serial: the camera's number; None: any.

    Raises:
        MissingExtraError: the driver that was asked for is not installed.
        LinkError: there is no such camera, or it cannot be opened; the message says what to do.
    """
    if driver != "auto" and (how := missing(driver)):
        raise MissingExtraError(f"the camera driver {driver} is not installed: {how}")
    tried = []
    for name in DRIVERS if driver == "auto" else (driver,):
        devices, problem = found_by(name)
        fitting = [each for each in devices if serial in (None, each.serial)]
        if serial is None and len(fitting) > 1:
            numbers = ", ".join(each.serial or each.name for each in fitting)
            raise LinkError(f"{len(fitting)} cameras are connected; say serial= one of {numbers}")
        if fitting:
            if fitting[0].problem:
                raise LinkError(f"{fitting[0].name}: {fitting[0].problem}")
            opened: Camera = driver_module(name).opened(serial)
            return opened
        others = ", ".join(each.serial or each.name for each in devices)
        tried.append(f"  {name}: {problem or (f'sees only {others}' if others else 'sees no camera')}")
    wanted = "no camera" if serial is None else f"no camera with serial number {serial}"
    raise LinkError("\n".join([f"{wanted} was found; is it plugged in, and its USB cable one for data?", *tried]))
