"""Small things to try jiaozi on."""
