"""The table of scenes. Adding one is one class in one module and one line here; modules are loaded on first use."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TABLE: Final = {
    "crossing": "eventflow.synth.shapes:Crossing",
    "digit": "eventflow.synth.digits:Digit",
    "drive": "eventflow.synth.drive:Drive",
    "moving": "eventflow.synth.shapes:Moving",
    "occlusion": "eventflow.synth.shapes:Occlusion",
    "pan": "eventflow.synth.pan:Pan",
    "route": "eventflow.synth.route:Route",
    "shapes": "eventflow.synth.shapes:Shapes",
    "still": "eventflow.synth.shapes:Still",
}
_VIDEO: Final = "eventflow.synth.video:Video"
_GIVEN: Final = frozenset({"height", "path", "seed", "width"})


class Scene(Protocol):
    """What the simulator needs of a scene.

    Attributes:
        width: px.
        height: px.
        image: intensity at the time of the last `draw` (at first: 0), float32, shape (height, width), 0 to 1.
    """

    width: int
    height: int
    image: NDArray[np.float32]

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs, never decreasing); return what changed: int64 (n, 4) of x0, y0, x1, y1."""

    def truth(self, t: int) -> Any:
        """Return the truth message at `t` (µs), or None where there is none."""


@dataclass(frozen=True)
class SceneInfo:
    """One scene: its name, one line about it and its own parameters with their defaults."""

    name: str
    doc: str
    parameters: dict[str, Any]


def scene_class(name: str) -> Any:
    """Return the class of a scene, by name or, for a video, by path.

    Raises:
        ParameterError: there is no such scene; the message says which there are.
    """
    if name in _TABLE:
        home = _TABLE[name]
    elif is_video(name):
        home = _VIDEO
    else:
        close = get_close_matches(name, _TABLE, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(
            f"unknown scene {name!r}.{hint} Known: {', '.join(sorted(_TABLE))}, a video file, or a folder of images"
        )
    module, attribute = home.split(":")
    return getattr(import_module(module), attribute)


def is_video(name: str) -> bool:
    """Return whether a scene's name is the path of a file or a folder."""
    return "/" in name or Path(name).suffix != ""


def scene_info(name: str) -> SceneInfo:
    """Return what is to be known of a scene."""
    found = scene_class(name)
    own = {
        field.name: None if field.default is MISSING else field.default
        for field in fields(found)
        if field.name not in _GIVEN
    }
    return SceneInfo(name, (found.__doc__ or "").split("\n")[0], own)


def scenes() -> dict[str, SceneInfo]:
    """Return every scene by name, with one line about it and its own parameters."""
    return {name: scene_info(name) for name in _TABLE}
