"""jiaozi beside a real Kubo: the same CIDs, the same CARs, the same answers."""
