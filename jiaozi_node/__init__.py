"""Jiaozi: an IPFS node in Python that is also version control for data."""

__version__ = "0.1.0"
