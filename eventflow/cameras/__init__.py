"""Event cameras: one face over the drivers of others, each imported only when it is asked for."""
