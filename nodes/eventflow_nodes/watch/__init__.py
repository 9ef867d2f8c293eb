"""Stock nodes: watch."""
