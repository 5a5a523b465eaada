"""Bitswap without a socket (issue E1)."""
