"""Merge drivers: pure functions from three contents to one (``specs/merge.md`` §5)."""
