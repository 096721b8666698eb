"""Stand-ins for a service's stats URL: one that answers as told, and one made of bare sockets."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HOST = "127.0.0.1"


class StatsUrl:
    """An HTTP server whose answer can be changed: an object, or bytes as they are."""

    def __init__(self) -> None:
        self.answer: object = {}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://{HOST}:{self._server.server_port}/stats"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stats = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stats.asked.append(self.path)
                body = stats.answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(stats.status)
                for name, value in stats.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class BareServer:
    """A socket server; each connection is given to *serve* in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server((HOST, 0))
        self._connections: list[socket.socket] = []
        self._threads: list[Thread] = []
        self.url = f"http://{HOST}:{self._listener.getsockname()[1]}/stats"
        self._start(self._accept)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._start(lambda one=connection: self._answer(one))

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the other side, or the end of the test, has closed it
            self._serve(connection)

    def _start(self, run: Callable[[], None]) -> None:
        thread = Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
