"""Known faults, planted in a copy of the package: the suites must go red for each."""
