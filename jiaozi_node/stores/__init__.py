"""Where blocks and names rest: protocols, and one class for each backend."""
