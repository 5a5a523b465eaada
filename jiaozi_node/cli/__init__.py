"""A terminal: parse, render, progress, exit codes."""
