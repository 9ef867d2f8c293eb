"""Sphinx configuration."""

from eventflow import __version__

project = "eventflow"
author = "the eventflow authors"
copyright = author
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "eventflow"
