"""Clients of services on the web, by httpx."""
