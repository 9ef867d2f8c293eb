"""Stock nodes: denoise."""
