"""What systemd wants to know of a service of ``Type=notify``: that it is ready, that it stops.

One datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)); nothing without it.
"""

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)


def notify(environ: Mapping[str, str], state: str) -> None:
    """Tell the service manager *state*, if there is one; it going deaf is no fault of ours."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.sendto(state.encode(), address)
    except OSError as fault:
        _log.warning("can't tell the service manager: %s", os.strerror(fault.errno or 0))
