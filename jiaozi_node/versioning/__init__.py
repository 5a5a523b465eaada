"""Commits, refs and history over UnixFS trees."""
