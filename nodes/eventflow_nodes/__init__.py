"""The stock nodes, one a file, registered by the entry-point group `eventflow.nodes`."""
