"""Run a graph in a process of its own, as `eventflow run` does: summary on stdout, message on stderr, exit code."""

from __future__ import annotations

import json
import sys


def main() -> int:
    from eventflow.errors import GraphError, RunError
    from eventflow.graph import graph_from_dict
    from eventflow.runtime import run

    asked = json.loads(sys.stdin.read())
    try:
        summary = run(graph_from_dict(asked["graph"]), **asked["options"])
    except GraphError as error:
        print(error, file=sys.stderr)
        return 2
    except RunError as error:
        print(error, file=sys.stderr)
        print(json.dumps(error.summary))
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(json.dumps(summary))
    return 130 if summary["interrupted"] else 0


if __name__ == "__main__":
    sys.exit(main())
