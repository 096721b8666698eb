"""What a scrape is answered: prometheus-client's text, byte by byte, for less.

Its encoders write each line anew at each scrape. Of our families, which show the same series for
ever, a line is kept here up to its value. All else, and whatever has an exemplar, is encoded by
prometheus-client itself.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from featurewatch import forks
from featurewatch.distribution import Snapshot
from featurewatch.families import OurFamily, Series, samples_of

#: Formats that are kept for the next scrape; a client may ask for any number of versions.
MOST_FORMATS = 8
#: Of gzip. The highest level, prometheus-client's, takes longer than everything else together.
COMPRESSION = 1
#: From here on a number is written with an exponent.
LARGE = 1_000_000

Encoder = Callable[[Any], bytes]


def exposition_app(registry: Collector) -> Any:
    """Return a WSGI application that serves *registry* as prometheus-client's does."""
    other = make_wsgi_app(registry)
    page = Page(registry)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        with forks.answers().one():
            if not _is_whole_page(environ):
                return other(environ, start_response)
            content_type, output = page.encoded(environ.get("HTTP_ACCEPT", ""))
            headers = [("Content-Type", content_type)]
            if gzip_accepted(environ.get("HTTP_ACCEPT_ENCODING", "")):
                output = gzip.compress(output, COMPRESSION)
                headers.append(("Content-Encoding", "gzip"))
            start_response("200 OK", headers)
            return [output]

    return application


def _is_whole_page(environ: dict[str, Any]) -> bool:
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("PATH_INFO") != "/favicon.ico"
        and "name[]" not in parse_qs(environ.get("QUERY_STRING", ""))
    )


class Page:
    """The text of a registry, in each format that was asked for."""

    def __init__(self, registry: Collector) -> None:
        self._registry = registry
        self._formats: dict[str, Format] = {}

    def encoded(self, accept: str = "") -> tuple[str, bytes]:
        """Return the content type that suits the header *accept*, and the page."""
        encoder, content_type = choose_encoder(accept)
        form = self._formats.get(content_type)
        if form is None:
            if len(self._formats) >= MOST_FORMATS:
                self._formats.clear()
            form = self._formats[content_type] = Format(encoder)
        return content_type, form.encode(self._registry.collect())


class Listed(NamedTuple):
    """Families in the place of a registry."""

    families: list[Family]

    def collect(self) -> Iterator[Family]:
        """Yield them."""
        return iter(self.families)


class Format:
    """One format, of which *encoder* knows everything."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._end = encoder(Listed([])).decode()
        #: HELP and TYPE of each family; and the lines of each series, up to their values.
        self._heads: dict[str, str] = {}
        self._starts: dict[tuple[str, tuple[str, ...]], list[str]] = {}

    def encode(self, families: Iterable[Family]) -> bytes:
        """Return what the encoder would."""
        parts: list[str] = []
        others: list[Family] = []
        for family in families:
            if isinstance(family, OurFamily) and family.is_plain:
                parts += (self._encoded(others), self._head(family), *self._lines(family))
                others = []
            else:
                others.append(family)
        return "".join([*parts, self._encoded(others), self._end]).encode()

    def _encoded(self, families: list[Family]) -> str:
        if not families:
            return ""
        return self._encoder(Listed(families)).decode().removesuffix(self._end)

    def _head(self, family: OurFamily) -> str:
        name = family.metric.name
        if name not in self._heads:
            self._heads[name] = self._encoded([OurFamily(family.metric)])
        return self._heads[name]

    def _lines(self, family: OurFamily) -> Iterator[str]:
        for labels, value in family.series:
            key = (family.metric.name, labels)
            if key not in self._starts:
                self._starts[key] = self._made(family, (labels, value))
            starts = self._starts[key]
            if isinstance(value, Snapshot):
                counts = [bucket[1] for bucket in value.buckets]
                for start, number in zip(starts, (*counts, counts[-1], value.sum), strict=True):
                    yield start + _text(number)
            else:
                yield starts[0] + _text(value)

    def _made(self, family: OurFamily, series: Series) -> list[str]:
        one = OurFamily(family.metric)
        one.samples = samples_of(family.metric, [series])
        text = self._encoded([one]).removeprefix(self._head(family))
        return [line.rpartition(" ")[0] + " " for line in text.split("\n")[:-1]]


def _text(number: float) -> str:
    if type(number) is int and 0 <= number < LARGE:
        return f"{number}.0\n"
    return f"{floatToGoString(number)}\n"  # type: ignore[no-untyped-call]
