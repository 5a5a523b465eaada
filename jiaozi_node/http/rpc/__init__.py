"""The Kubo RPC, ``/api/v0``: what ``commands`` declares, rendered as go-ipfs-cmds renders it."""
