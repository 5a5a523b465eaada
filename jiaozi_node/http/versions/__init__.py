"""The versions API below ``/api/v1``: repositories to be read, by ``specs/versions-api.md``."""
