"""Fixtures: a running exporter on a configuration, its page, and a deadline for what must come."""

import json
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
import waiting
from prometheus_client.parser import text_string_to_metric_families

from featurewatch_exporter.address import Address
from featurewatch_exporter.config import load_config
from featurewatch_exporter.exporter import Exporter

from .servers import HOST, BareServer, StatsUrl


@pytest.fixture
def eventually():
    """Wait until a function returns something true, and return that."""
    return waiting.eventually


@pytest.fixture
def closing():
    """Close what a test has opened, even if it fails."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def stats(closing):
    """A stats URL."""
    server = StatsUrl()
    closing.callback(server.close)
    return server


@pytest.fixture
def bare(closing):
    """Make a server of bare sockets."""

    def make(serve):
        server = BareServer(serve)
        closing.callback(server.close)
        return server

    return make


class Page:
    """What the exporter shows."""

    def __init__(self, exporter):
        self.exporter = exporter

    def text(self):
        with urlopen(self.exporter.url, timeout=waiting.ANSWER_SECONDS) as answer:  # noqa: S310
            return answer.read().decode()

    def series(self):
        """Each sample without its prefix: ("requests_total", "feature_extractor", ...): value."""
        return {
            (
                sample.name.removeprefix("feature_extraction_"),
                sample.labels["extractor"],
                *(value for label, value in sample.labels.items() if label != "extractor"),
            ): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }

    def __call__(self, *key, extractor="feature_extractor"):
        """Return one series: page("errors_total", "KeyError")."""
        return self.series().get((key[0], extractor, *key[1:]))


@pytest.fixture
def run(closing, tmp_path):
    """Run an exporter with these sources, and return its page."""

    def start(*sources, **more):
        file = tmp_path / "exporter.json"
        file.write_text(json.dumps({"sources": sources, **more}))
        exporter = Exporter(load_config(file), Address(HOST, 0))
        closing.enter_context(exporter)
        return Page(exporter)

    return start
