"""Bitswap without a socket: state machines that a driver feeds with messages and the time."""
