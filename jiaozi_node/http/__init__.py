"""Gateway, RPC and versions API (issues C and D)."""
