"""From a command line to an exit code: finding the verb, reading its options, and printing errors once and clean."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from difflib import get_close_matches
from typing import TYPE_CHECKING

from eventflow.cli.verbs import VERBS, overview
from eventflow.errors import EventflowError, GraphError, NodeDeclarationError, ParameterError, UnitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
_WRONG_INPUT = (GraphError, ParameterError, UnitError, NodeDeclarationError)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(overview())
        return DONE
    if given[0] == "--version":
        from eventflow import __version__

        print(f"eventflow {__version__}")
        return DONE
    name, rest = given[0], given[1:]
    if name not in VERBS:
        _complain(_unknown(name))
        return WRONG
    return guarded(lambda: _call(name, rest), debug="--debug" in rest)


def guarded(action: Callable[[], int], *, debug: bool = False) -> int:
    """Run an action and turn whatever it raises into a message and an exit code."""
    try:
        return action()
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; without this Python complains while it shuts down
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except EventflowError as error:
        if debug:
            traceback.print_exc()
        _complain(str(error))
        return WRONG if isinstance(error, _WRONG_INPUT) else FAILED
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = "" if debug else "; this is a fault in eventflow or a node, --debug shows where"
        _complain(f"{type(error).__name__}: {error}{hint}")
        return FAILED


def _call(name: str, rest: list[str]) -> int:
    verb = VERBS[name]
    module = verb.load()
    parser = argparse.ArgumentParser(
        prog=f"eventflow {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.arguments(parser)
    parser.add_argument("--debug", action="store_true", help="print the traceback of an error")
    return int(module.main(parser.parse_args(rest)))


def _unknown(name: str) -> str:
    near = get_close_matches(name, VERBS, 1)
    if near:
        return f"unknown verb {name!r}. Did you mean {near[0]!r}?"
    if name.endswith((".yaml", ".yml")):
        return f"unknown verb {name!r}. Did you mean 'eventflow run {name}'?"
    return f"unknown verb {name!r}; known: {', '.join(VERBS)}"


def _complain(text: str) -> None:
    red, plain = ("\033[1;31m", "\033[0m") if coloured(sys.stderr) else ("", "")
    print(f"{red}eventflow:{plain} {text}", file=sys.stderr)


def coloured(stream: object) -> bool:
    """Return whether colours may be written: to a terminal whose user has not set NO_COLOR."""
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return bool(is_terminal) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
