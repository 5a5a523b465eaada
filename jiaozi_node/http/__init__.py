"""What listens: the RPC; connections that keep to the clock; bytes between loop and threads."""
