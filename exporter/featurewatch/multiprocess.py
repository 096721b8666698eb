"""One scrape for many processes: gunicorn, uvicorn with workers, any server that forks or spawns.

With ``PROMETHEUS_MULTIPROC_DIR`` in the environment, prometheus-client keeps its numbers in that
folder, and :mod:`featurewatch.publisher` puts ours beside them. What is served here is the sum of
all processes, the ended ones included. In ``gunicorn.conf.py``::

    from featurewatch.multiprocess import child_exit
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, multiprocess
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from featurewatch import names
from featurewatch.collector import container_samples
from featurewatch.distribution import Sample
from featurewatch.exposition import exposition_app
from featurewatch.families import families
from featurewatch.guard import log_dropped, log_left_out
from featurewatch.publisher import PUBLISHER, fold_dead, multiprocess_mode
from featurewatch.worker_files import UNREADABLE, fold, has_begun, locked, shared_folder

#: prometheus-client's, which it gives no types.
Reader: Any = multiprocess.MultiProcessCollector


def child_exit(server: object, worker: Any) -> None:
    """Fold the files of a worker that has ended into the archive: gunicorn's hook of this name.

    Without it, the next scrape or the next worker does that. Never raises.
    """
    fold_dead(worker.pid)


def publish() -> None:
    """Write what this process has recorded until now; never raises, and does nothing else.

    For the end of a process that ends without Python's exit handlers, as uvicorn's workers do.
    """
    PUBLISHER.publish()


def metrics_registry() -> CollectorRegistry:
    """Return what to serve: all processes in multiprocess mode, prometheus-client's own if not.

    For frameworks' own ways of serving, as ``prometheus_client.make_asgi_app(metrics_registry())``.
    Raises :class:`~featurewatch.errors.MultiprocessError` for a folder that cannot be used.
    """
    if not multiprocess_mode():
        return REGISTRY
    shared_folder()
    registry = CollectorRegistry()
    registry.register(AllProcesses())
    return registry


def metrics_app() -> Any:
    """Return a WSGI application that serves :func:`metrics_registry`."""
    return exposition_app(metrics_registry())


class AllProcesses(Collector):
    """The series of all processes that share the folder."""

    def collect(self) -> Iterator[Family]:
        """Yield the sums, and what this process knows of the container that all are in."""
        PUBLISHER.publish()
        with locked(folder := shared_folder()):
            _fold_if_possible(folder)
            written, unreadable = _read_all(folder)
        known = [*container_samples(), *_unreadable_files(written, unreadable)]
        shared: dict[str, Family] = {family.name: family for family in families(known)}
        for family in written:
            family.samples = list(_with_a_value(family))
            if family.name in shared:
                _add_missing(shared[family.name], family)
            elif family.samples:
                yield family
        yield from shared.values()


def _fold_if_possible(folder: Path) -> None:
    try:
        fold(folder)
    except Exception:  # a full disk, say: the files are as they were, and can be read
        log_dropped("fold")


def _read_all(folder: Path) -> tuple[list[Family], int]:
    """Return the sums of all files that can be read, and how many can not."""
    files = [str(file) for file in folder.glob("*.db") if has_begun(file)]
    try:
        return list(Reader.merge(files)), 0
    except Exception:
        readable = list(filter(_can_be_read, files))
    return list(Reader.merge(readable)), len(files) - len(readable)


def _can_be_read(file: str) -> bool:
    try:
        Reader.merge([file])
    except Exception:
        log_left_out(file, UNREADABLE)
        return False
    return True


def _unreadable_files(written: list[Family], unreadable: int) -> list[Sample]:
    """Return the same number for each extractor of the server, as that of its container's CPU."""
    info = [family for family in written if family.name == names.INFO.name]
    extractors = {s.labels[names.LABEL_EXTRACTOR] for family in info for s in family.samples}
    return [(names.UNREADABLE_FILES, (extractor,), unreadable) for extractor in sorted(extractors)]


def _with_a_value(family: Family) -> Iterator[Any]:
    """Leave out our gauges that no process has a value for, see ``publisher.NEUTRAL``."""
    ours = family.type == "gauge" and family.name.startswith(names.PREFIX)
    return (s for s in family.samples if not (ours and abs(s.value) == float("inf")))


def _add_missing(family: Family, other: Family) -> None:
    known = [sample.labels for sample in family.samples]
    family.samples += [sample for sample in other.samples if sample.labels not in known]
