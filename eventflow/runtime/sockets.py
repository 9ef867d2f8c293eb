"""Where the sockets of runs, taps and workers lie: folders of this user alone, with paths short enough for a socket."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from eventflow.errors import LinkError

PATH_LENGTH: Final = 107
"""Bytes that the path of a socket has room for."""
_BASE_LENGTH: Final = 60


def socket_base() -> Path:
    """Return the first of XDG_RUNTIME_DIR, the temporary folder and /tmp that is short enough and can be written.

    Raises:
        LinkError: none of them is.
    """
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if base and len(base.encode()) <= _BASE_LENGTH and os.access(base, os.W_OK):
            return Path(base)
    raise LinkError(
        f"no folder for sockets: XDG_RUNTIME_DIR, TMPDIR and /tmp are longer than {_BASE_LENGTH} bytes or cannot be "
        "written; set XDG_RUNTIME_DIR to a short path of yours"
    )


def own_folder(name: str) -> Path:
    """Return this user's folder of sockets called `name`; it is made, for this user alone, when it is first needed.

    Raises:
        LinkError: somebody else has made it.
    """
    folder = socket_base() / f"eventflow-{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise LinkError(f"{folder} belongs to somebody else; set XDG_RUNTIME_DIR to a folder of your own")
    return folder
