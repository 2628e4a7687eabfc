"""Whether and where a server can listen on this machine."""

import errno
import os
import socket
from collections.abc import Iterable

from adapter.errors import UserError

LOOPBACK = "127.0.0.1"


def first_free(host: str, ports: Iterable[int]) -> int | None:
    """The first port on which a server can listen; 0 among the ports stands for any. None if all are taken.

    Args:
        host: name or address, IPv6 without brackets. Gradio wants the port free on 127.0.0.1, too.

    Raises:
        UserError: nothing can listen on that host.
    """
    for wanted in ports:
        try:
            port = _bind(host, wanted)
            _bind(LOOPBACK, port)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            reason = error.strerror or str(error)
            raise UserError(
                f"The page cannot be served at {host} ({reason}). Set GRADIO_SERVER_NAME to an address of this "
                "machine, such as 127.0.0.1, or 0.0.0.0 for all of them."
            ) from error
        return port
    return None


def _bind(host: str, port: int) -> int:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # ports of connections that were closed a minute ago are free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)
        return probe.getsockname()[1]
