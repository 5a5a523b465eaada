"""Bytes between peers: noise and yamux as values, and both behind py-libp2p's interfaces."""
