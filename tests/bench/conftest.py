"""Comparisons with other libraries run where these are installed: pip install 'eventflow-dvs[peers]'."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("dv_processing") else ["test_peers_*.py"]
