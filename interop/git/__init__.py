"""Beside git: histories imported from it, checked out and merged, come out as git's own do."""
