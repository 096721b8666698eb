"""The command ``featurewatch-exporter``: metrics of services that cannot import the library."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from featurewatch_exporter.address import Address, parse_address
from featurewatch_exporter.config import load_config
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.exporter import Exporter

logger = logging.getLogger(__name__)

LISTEN = "127.0.0.1:9102"
VERSION = version("featurewatch")
_END = {signal.SIGTERM, signal.SIGINT}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 2 for whatever its caller can fix."""
    options = _parser().parse_args(arguments)
    try:
        config = load_config(options.config)
        if options.check:
            print(f"{options.config}: is fine")
            return 0
        # Threads inherit this, so that the signal waits for _until_told_to_end.
        signal.pthread_sigmask(signal.SIG_BLOCK, _END)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        with Exporter(config, options.listen) as exporter:
            _until_told_to_end(exporter)
    except ExporterError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _until_told_to_end(exporter: Exporter) -> None:
    logger.info("metrics at %s", exporter.url)
    for endpoint in exporter.statsd_endpoints:
        logger.info("statsd at %s", endpoint)
    logger.info("ends on %s", signal.Signals(signal.sigwait(_END)).name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="featurewatch-exporter", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="JSON, or TOML if named .toml"
    )
    parser.add_argument(
        "--listen",
        type=_address,
        default=parse_address(LISTEN),
        metavar="HOST:PORT",
        help=f"where Prometheus scrapes ({LISTEN}); port 0 takes a free one",
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and end")
    return parser


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; write for example {LISTEN}") from error
