"""What touches a user's directory: scan, index, ignore rules, the one safe writer."""
