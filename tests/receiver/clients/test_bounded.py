"""A server that never ends its answer is given up, whatever asks it and wherever it drips."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.backends.rest import Rest
from featurewatch_receiver.clients import client
from featurewatch_receiver.clients.prometheus import Prometheus
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import KubernetesBackend
from featurewatch_receiver.errors import (
    PrometheusError,
    ReceiverError,
    TargetAnswerInvalidError,
    TargetSilentError,
    TellError,
)
from featurewatch_receiver.watchdog import tell
from receiver.backends.kubernetes.objects import kubeconfig
from receiver.certificates import Authority

HEAD = b"HTTP/1.1 200 OK\r\nX-Filler: "
BODY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
#: Seconds; a server drips ten times in that.
TIMEOUT = 0.5


@contextlib.contextmanager
def dripping(begin: bytes, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that answers so much at once, and then byte by byte without an end: its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    plain, _ = listener.accept()
                    with context.wrap_socket(plain, server_side=True) if context else plain as way:
                        way.recv(65536)
                        way.sendall(begin)
                        while not over.wait(TIMEOUT / 10):
                            way.sendall(b" ")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)
    assert not thread.is_alive()


def by_rest(url: str, folder: Path) -> object:
    with contextlib.closing(Rest(url, timeout=TIMEOUT, token=None, deadline=Deadline(60))) as rest:
        return rest.call("GET", "/x")


def by_client(url: str, folder: Path) -> object:
    with contextlib.closing(Prometheus(url, TIMEOUT)) as prometheus:
        return prometheus.values("up")


def by_kubernetes(url: str, folder: Path) -> object:
    file = str(kubeconfig(folder, url))
    settings = KubernetesBackend(
        kind="kubernetes", namespace="features", kubeconfig=file, request_timeout="1s"
    )
    with contextlib.closing(KubernetesClient(settings, None, Deadline(0))) as backend:
        return backend.deployment("fe")


def by_tell(url: str, folder: Path) -> object:
    file = folder / "url"
    file.write_text(url)
    now = datetime.now(UTC)
    news = tell.News(missing=True, source="r", heard_at=None, at=now)
    return tell._slack(str(file), news)


ASKS = [
    (by_rest, TargetSilentError),
    (by_client, PrometheusError),
    (by_kubernetes, TargetSilentError),
    (by_tell, TellError),
]


@pytest.mark.parametrize(("ask", "error"), ASKS)
@pytest.mark.parametrize("begin", [HEAD, BODY], ids=["header", "body"])
def test_an_answer_that_drips_is_given_up(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[str, Path], object],
    error: type[ReceiverError],
    begin: bytes,
) -> None:
    monkeypatch.setattr(tell, "TIMEOUT_SECONDS", TIMEOUT)
    with dripping(begin) as port, pytest.raises(error, match=r"no answer within|takes too long"):
        ask(f"http://127.0.0.1:{port}", tmp_path)


def test_an_answer_that_drips_through_tls_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with dripping(HEAD, context) as port:
        rest = Rest(f"https://127.0.0.1:{port}", timeout=TIMEOUT, token=None, deadline=Deadline(60))
        rest._session.verify = str(authority.file)
        with contextlib.closing(rest), pytest.raises(TargetSilentError, match="no answer within"):
            rest.call("GET", "/x")


def test_an_answer_without_an_end_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1024 * 1024)
    begin = BODY.replace(b"1000000", b"9000000") + b" " * 8_000_000
    with (
        dripping(begin) as port,
        contextlib.closing(Prometheus(f"http://127.0.0.1:{port}", 60)) as prometheus,
        pytest.raises(PrometheusError, match="answered with more than 1 MiB"),
    ):
        prometheus.values("up")
    with (
        dripping(begin) as port,
        pytest.raises(TargetAnswerInvalidError, match="exceeds 65536 bytes"),
    ):
        by_rest(f"http://127.0.0.1:{port}", tmp_path)
