"""Stock nodes: track."""
