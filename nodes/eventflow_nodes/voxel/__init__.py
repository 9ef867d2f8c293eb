"""Stock nodes: voxel."""
