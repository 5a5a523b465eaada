"""The Kubo face: Kubo's commands with Kubo's flags, output and exit codes (design §1)."""
