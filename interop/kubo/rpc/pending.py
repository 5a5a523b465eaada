"""Rows whose commands are still to come, and why; a line goes when its cases come out equal."""

from typing import Final

PENDING: Final[dict[str, str]] = {}
