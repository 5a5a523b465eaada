"""One running node: opens and closes everything in order."""
