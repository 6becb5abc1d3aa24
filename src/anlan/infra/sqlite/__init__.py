"""SQLite as several processes write to it: they take turns instead of colliding."""
