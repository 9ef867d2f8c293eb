"""Stock nodes: images."""
