"""Converting recordings: one to one, or many into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.errors import ParameterError
from eventflow.io.conversion.one import convert_one
from eventflow.io.conversion.settings import from_options
from eventflow.io.conversion.sources import is_pattern, is_recording_folder
from eventflow.io.conversion.tree import convert_tree
from eventflow.io.source import STDIN
from eventflow.io.table import formats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Source = str | os.PathLike[str]


def convert(
    src: Source | Sequence[Source],
    dst: Source,
    *,
    jobs: int = 1,
    dask: str | None = None,
    resume: bool = False,
    verify: bool = False,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Write recordings in another format, in memory that does not grow with them, and return a report.

    One recording becomes the file `dst`. Several, a pattern or a folder become files inside the folder `dst`, under the
    names they have, with a manifest; that needs `to`. Every target appears when it is whole.

    Args:
        src: a recording, a pattern such as "data/**/*.raw", a folder, or several of these.
        dst: the recording to write, or the folder to write into.
        jobs: for a folder: number of processes.
        dask: for a folder: address of a Dask scheduler, or "local".
        resume: for a folder: leave what an earlier run finished as it is.
        verify: read every target back and compare.
        on_progress: called with `done`, `total`, `finished`, `recordings`.
        options: `to`, `start`, `end`, `roi`, `polarity`, `flip_x`, `flip_y`, `transpose`, `origin`, `writer_options`
            (see Settings), and the arguments of `open`.

    Returns:
        For one recording `path`, `format`, `events`, `messages` by stream, `left_out`, `skipped`, `noted` and
        `repaired` by reason, `steps_back`, `origin`, `shift` in µs, `left_behind` (columns and streams that the format
        does not hold); for a folder see `convert_tree`.

    Raises:
        ParameterError: options that do not go together.
        RecordingError: a recording cannot be read, or the target not written. In a folder only what concerns all.
    """
    settings = from_options(options)
    sources = [src] if isinstance(src, (str, os.PathLike)) else list(src)
    if not sources:
        raise ParameterError("there is nothing to convert: name at least one recording")
    if is_tree(sources, dst):
        return convert_tree(
            sources, dst, settings, jobs=jobs, dask=dask, resume=resume, verify=verify, on_progress=on_progress
        )
    if resume or dask is not None or jobs != 1:
        raise ParameterError(f"{dst}: resume, jobs and dask are for several recordings, and this is one")

    def tell(share: float) -> None:
        if on_progress is not None:
            on_progress({"done": share, "total": 1.0, "finished": 0, "recordings": 1})

    return convert_one(sources[0], dst, settings, verify=verify, on_progress=tell)


def is_tree(sources: Sequence[Source], dst: Source) -> bool:
    """Return whether the target is a folder of recordings: what is named may be several, or the folder is there."""
    if len(sources) > 1:
        return True
    source = os.fspath(sources[0])
    if source == STDIN:
        return False
    if is_pattern(source):
        return True
    if os.fspath(dst).endswith(os.sep) or (os.path.isdir(dst) and not is_recording_folder(Path(dst))):
        return True
    if not os.path.isdir(source):
        return False
    named_like_one = any(row.writes and Path(dst).suffix.lower() in row.suffixes for row in formats())
    bag = any(row.folder is not None and row.folder(Path(source)) for row in formats())
    return not (is_recording_folder(Path(source)) or (bag and named_like_one))
