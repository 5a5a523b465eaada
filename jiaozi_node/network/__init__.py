"""Peers over the network (issue E1)."""
