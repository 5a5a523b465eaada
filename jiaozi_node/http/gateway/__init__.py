"""The HTTP gateway: content by path for browsers, blocks and CARs for clients that verify."""
