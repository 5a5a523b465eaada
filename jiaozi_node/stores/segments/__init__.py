"""Blocks in append-only segments with a derived LevelDB index (``specs/segments.md``)."""
