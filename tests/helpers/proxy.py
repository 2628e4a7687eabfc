"""A proxy on loopback that can cut every connection, as a phone that sleeps or a proxy in between does."""

import contextlib
import random
import socket
import threading
from collections.abc import Iterator


class Proxy:
    """Passes bytes on to a port; ``cut`` ends all connections, and refuses new ones until ``mend``."""

    def __init__(self, port: int) -> None:
        self._target, self._open = port, True
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and refuse new ones."""
        self._open = False
        self.drop()

    def mend(self) -> None:
        """Accept connections again."""
        self._open = True

    def drop(self, share: float = 1.0) -> None:
        """End all connections that are open now, or a random share of them."""
        for end in list(self._ends):
            if random.random() < share:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End for good."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._open:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                self._ends |= {client, server}
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=[source, sink], daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            self._ends.discard(end)


@contextlib.contextmanager
def proxy_to(url: str) -> Iterator[Proxy]:
    """A proxy to the server at an address such as http://127.0.0.1:7860/."""
    proxy = Proxy(int(url.rstrip("/").rpartition(":")[2]))
    try:
        yield proxy
    finally:
        proxy.close()
