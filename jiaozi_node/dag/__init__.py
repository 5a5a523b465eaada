"""Any linked blocks: walks and their drivers, traversal, CAR files, pins."""
