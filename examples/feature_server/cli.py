"""The command: ``python -m feature_server``."""

from __future__ import annotations

import argparse
import ipaddress
import json
import math
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.serving import WSGIRequestHandler, make_server

from feature_server.app import create_app
from feature_server.cache import FeatureCache
from feature_server.errors import SamplerError
from feature_server.features import MIN_SAMPLES
from feature_server.lifetime import until_stopped
from feature_server.options import Parser, positive, whole
from feature_server.sampler import Sampler
from feature_server.service import FeatureService
from feature_server.training import Trainer
from feature_server.workers import MAX_REPLICAS, MIN_REPLICAS, WorkerPool
from featurewatch import Extractor, MetricsServerError, start_metrics_server, watch_resources


class CliError(Exception):
    """The command can't do what its options ask for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; the exit code is 2 when the options are wrong."""
    options = _parser().parse_args(arguments)
    try:
        with ExitStack() as stack:
            _run(options, stack)
    except (CliError, SamplerError, MetricsServerError, OSError) as error:
        print(f"feature_server: {error}", file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    """Start all parts, say so on stdout, wait; the stack takes them down in reverse."""
    wait = until_stopped(exit_with_parent=options.exit_with_parent)
    token = _admin_token(options)
    listener = stack.enter_context(socket.create_server((options.host, options.port), backlog=128))
    registry = CollectorRegistry()
    extractor = Extractor("feature_extractor", registry=registry)
    watch_resources("feature_extractor", registry=registry)
    metrics = start_metrics_server(port=options.metrics_port, host=options.host, registry=registry)
    stack.callback(metrics.close)
    sampler = Sampler(
        rate=options.sample_rate,
        window_samples=options.window_samples,
        keep_windows=options.keep_windows,
    )
    stack.callback(sampler.start().close)
    pool = WorkerPool(
        replicas=options.replicas,
        model_time=options.model_time,
        on_queue_depth=extractor.queue_depth,
    )
    stack.callback(pool.close)
    service = FeatureService(
        extractor=extractor,
        sampler=sampler,
        cache=FeatureCache(options.cache_size),
        pool=pool,
        deadline=options.deadline,
    )
    trainer = Trainer(service)
    stack.callback(trainer.close)
    url = _serve(listener, create_app(service, trainer, token), stack)
    while not (sampler.windows() and pool.serving):  # ready means: can answer
        if wait(0.05):
            return
    print(json.dumps({"url": url, "metrics_url": metrics.url}), flush=True)
    wait(math.inf)


def _serve(listener: socket.socket, app: Flask, stack: ExitStack) -> str:
    """Serve the application in a thread; return its address."""
    host, port = listener.getsockname()[:2]
    server = make_server(
        host,
        port,
        app,
        threaded=True,
        request_handler=_QuietHandler,
        fd=listener.fileno(),
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    stack.callback(server.server_close)
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return f"http://{host}:{port}"


class _QuietHandler(WSGIRequestHandler):
    """Writes no line for each request: the metrics count them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Do nothing."""


def _admin_token(options: argparse.Namespace) -> str | None:
    """The token, or None when the admin API may be open because only this machine reaches it."""
    if options.admin_token_file is None:
        if not _is_loopback(options.host):
            raise CliError(f"--host {options.host} is open to others: give --admin-token-file")
        return None
    token = Path(options.admin_token_file).read_text().strip()
    if not token:
        raise CliError(f"{options.admin_token_file} is empty: write the admin token into it")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parser() -> Parser:
    parser = Parser(
        "feature_server",
        "A feature extraction service over this machine's own CPU, memory and I/O.",
    )
    port, count, samples = whole(0, 65535), whole(1, 1_000_000), whole(MIN_SAMPLES, 4096)
    replicas = whole(MIN_REPLICAS, MAX_REPLICAS)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to bind, for features and metrics")
    add("--port", type=port, default=8000, help="port of the service; 0 takes a free one")
    add("--metrics-port", type=port, default=8001, help="port of /metrics; 0 takes a free one")
    add("--replicas", type=replicas, default=2, help="worker processes at the start")
    add("--model-time", type=positive, default=0.04, help="seconds of one forward pass, at least")
    add("--deadline", type=positive, default=0.25, help="seconds to wait for the model")
    add("--sample-rate", type=positive, default=20.0, help="samples a second")
    add("--window-samples", type=samples, default=32, help="samples of one window")
    add("--keep-windows", type=count, default=64, help="windows to keep")
    add("--cache-size", type=count, default=256, help="entries of the feature cache")
    add("--admin-token-file", help="file with the admin API's bearer token; open without it")
    add("--exit-with-parent", action="store_true", help="end when the starting process ends")
    return parser
