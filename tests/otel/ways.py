"""The ways of a service's figures to a real Prometheus: scraped, or pushed by OTLP."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import requests
import yaml
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry, start_http_server
from scrape.running import HOST, Scraper, running_prometheus, write_configuration

from featurewatch_kit import programs
from featurewatch_kit.demo.clients import Prometheus
from featurewatch_kit.demo.processes import Processes, free_port
from otel.expected import DEADLINE, OVERLAY, Seen
from otel.service import printed_code, running

ROOT = Path(__file__).parents[2]
#: How Prometheus 3 translates names that are pushed.
STRATEGIES = (
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
)


@contextmanager
def scraped(root: Path, folder: Path) -> Iterator[Seen]:
    """Let Prometheus scrape the SDK's own exporter."""
    with ExitStack() as stack:
        registries = CollectorRegistry(), CollectorRegistry()
        readers = [PrometheusMetricReader(registry=registry) for registry in registries]
        service = stack.enter_context(running(printed_code(root), *readers))
        addresses = [_served(registry, stack) for registry in registries]
        overlay = OVERLAY | {"scrape": {"targets": addresses}}
        config = write_configuration(root, folder, overlay, lambda _: None)
        yield Seen(stack.enter_context(running_prometheus(root, config, folder)), service)


def _served(registry: CollectorRegistry, stack: ExitStack) -> str:
    server, thread = start_http_server(0, HOST, registry)
    stack.callback(thread.join)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return f"{HOST}:{server.server_port}"


@contextmanager
def pushed(root: Path, folder: Path, strategy: str) -> Iterator[Seen]:
    """Push to Prometheus, which names the series by this strategy."""
    needs_receiver(root)
    overlay = OVERLAY | {"scrape": {"targets": []}}
    otlp = {"translation_strategy": strategy}
    config = write_configuration(root, folder, overlay, lambda tree: tree.update(otlp=otlp))
    with receiving(root, config, folder) as prometheus:
        readers = [pushing(prometheus.url) for _ in range(2)]
        with running(printed_code(root), *readers) as service:
            yield Seen(prometheus, service)


@contextmanager
def collected(root: Path, folder: Path) -> Iterator[Seen]:
    """Push to a Collector, which Prometheus scrapes."""
    program = programs.tools_folder(root) / "usr/bin/otelcol"
    if not program.is_file():
        pytest.skip("an OpenTelemetry Collector (make test-otlp)")
    pushed_to, shown_at = (f"{HOST}:{free_port()}" for _ in range(2))
    with Processes(folder / "logs") as processes:
        config = _collector(folder, pushed_to, shown_at)
        processes.start("otelcol", [str(program), f"--config=file:{config}"])
        processes.wait_until("otelcol", lambda: _answers(f"http://{shown_at}/metrics"), DEADLINE)
        overlay = OVERLAY | {"scrape": {"targets": [shown_at]}}
        config = write_configuration(root, folder, overlay, lambda _: None)
        with running_prometheus(root, config, folder) as prometheus:
            readers = [pushing(f"http://{pushed_to}", "/v1/metrics") for _ in range(2)]
            with running(printed_code(root), *readers) as service:
                yield Seen(prometheus, service)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=DEADLINE).ok
    except requests.ConnectionError:
        return False


def _collector(folder: Path, pushed_to: str, shown_at: str) -> Path:
    """Write the Collector's configuration, that of docs/otel.md but for the addresses."""
    config = yaml.safe_load(document_block("yaml", "receivers:"))
    config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = pushed_to
    config["exporters"]["prometheus"]["endpoint"] = shown_at
    # Its own metrics would take a fixed port.
    config["service"]["telemetry"] = {"metrics": {"level": "none"}}
    file = folder / "otelcol.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def document_block(language: str, beginning: str) -> str:
    """The block of docs/otel.md that begins so."""
    text = (ROOT / "docs/otel.md").read_text()
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(beginning)]
    return str(found)


def pushing(
    url: str, path: str = "/api/v1/otlp/v1/metrics", **environment: str
) -> PeriodicExportingMetricReader:
    """Push every second, by the environment variables of docs/otel.md and others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", url + path)
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        for name, value in environment.items():
            patch.setenv(name, value)
        return PeriodicExportingMetricReader(OTLPMetricExporter())


@contextmanager
def receiving(root: Path, config: Path, folder: Path) -> Iterator[Scraper]:
    """Start a Prometheus with the OTLP receiver, and end it."""
    path = programs.find(programs.PROMETHEUS, root)
    address = f"{HOST}:{free_port()}"
    words = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    command = [str(path), *words, f"--web.listen-address={address}", "--web.enable-otlp-receiver"]
    url = f"http://{address}"
    with closing(Prometheus(url)) as client, Processes(folder / "logs") as all_:
        all_.start("prometheus", command, folder=programs.start_folder(path, root))
        all_.wait_until("prometheus starts", lambda: client.answers("/-/ready"), DEADLINE)
        yield Scraper(client, all_, url)


def needs_receiver(root: Path) -> None:
    """Skip the test where Prometheus can't be pushed to."""
    path = programs.find(programs.PROMETHEUS, root)
    command = [path, "--help"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if "web.enable-otlp-receiver" not in done.stdout + done.stderr:
        pytest.skip("a Prometheus with an OTLP receiver (make test-otlp)")
