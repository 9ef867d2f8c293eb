"""Converting recordings: one, or a tree of them over processes and hosts, resumable and checked."""
