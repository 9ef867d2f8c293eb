"""Pictures of events: a surface of recent events, tracks drawn on it, video files, a window.

Each module is imported where it is needed; this package imports nothing.
"""
