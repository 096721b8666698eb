"""The folder that the processes of one server share: who lives, and one archive of the dead.

prometheus-client keeps the files of each process that ever wrote there. Here those of dead ones
are added up in one archive per kind, so that their number is bounded and sums stay exact. A
process lives while it holds the lock on its own file; its id alone would tell nothing after the
id was given away again, or from another container.

A file that cannot be read (cut short on a full disk, of another program or another version of
prometheus-client) costs what it holds and nothing else: it is left where it is, and out of sums.
"""

import errno
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from prometheus_client import mmap_dict

from featurewatch import names
from featurewatch.errors import MultiprocessError
from featurewatch.guard import log_left_out

#: The variable that names the folder; it turns the mode on when prometheus-client is imported.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
#: Names of our own files; prometheus-client reads only ``*.db``.
LOCK = "featurewatch.lock"
JOURNAL = "featurewatch.journal"
ALIVE = "featurewatch_{}.alive"
ARCHIVE = "{}_archive.db"
#: What the log says of a file that cannot be read.
UNREADABLE = "left out of every scrape until it is removed"

#: Our labels that take any value.
OPEN_LABELS = {
    names.ERRORS.name: names.LABEL_ERROR_TYPE,
    names.FALLBACKS.name: names.LABEL_REASON,
}
#: prometheus-client's file of numbers, which it gives no types.
NumberFile: Any = mmap_dict.MmapedDict
#: A number of prometheus-client's files, and when it was set (0 for most).
Entry = tuple[float, float]
Entries = list[tuple[str, Entry]]


def _sum(old: Entry, new: Entry) -> Entry:
    return old[0] + new[0], 0.0


#: How two processes' numbers become one, by the kind of file. ``gauge_all`` has one series for
#: each process, so it stays as it is; gauges of the living (``gauge_live...``) go with them.
COMBINE: dict[str, Callable[[Entry, Entry], Entry]] = {
    "counter": _sum,
    "histogram": _sum,
    "summary": _sum,
    "gauge_sum": _sum,
    "gauge_max": max,
    "gauge_min": min,
    "gauge_mostrecent": lambda old, new: max(old, new, key=lambda entry: entry[1]),
}


def shared_folder() -> Path:
    """Return the folder, made if need be; raise ``MultiprocessError`` if it is of no use."""
    path = os.environ.get(MULTIPROCESS, "")
    folder = Path(path)
    try:
        if not path:
            raise FileNotFoundError(errno.ENOENT, "no name")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK).touch()
    except OSError as error:
        raise MultiprocessError(
            f"{MULTIPROCESS} is {path!r}, and nothing can be written there "
            f"({error.strerror}): name a folder of this server alone that it may write to"
        ) from error
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process from reading and folding, and finish what a killed one began."""
    import fcntl  # not on Windows, which has no forking servers either

    with (folder / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            _finish(folder)
            yield
        finally:
            # In so many words: a child forked meanwhile has the file open, too.
            fcntl.flock(file, fcntl.LOCK_UN)


def join(folder: Path) -> IO[str]:
    """Return this process's file, which tells that it lives until it is closed."""
    with locked(folder):
        file = (folder / ALIVE.format(os.getpid())).open("a")
        if not _lock_now(file):
            file.close()
            raise MultiprocessError(
                f"two processes with the id {os.getpid()} share {folder}: "
                "give each container a folder of its own"
            )
        for own in folder.glob(f"*_{os.getpid()}.db"):  # of one that had this id before
            if _read(own) is None:
                _set_aside(own)
        return file


def living(folder: Path) -> list[int]:
    """Return the ids of the processes that have joined and not ended.

    The caller holds :func:`locked`.
    """
    dead = set(_found_dead(folder))
    pids = {path.stem.rpartition("_")[2] for path in folder.glob(ALIVE.format("*"))}
    return sorted(int(pid) for pid in pids - dead if pid.isdigit())


def fold(folder: Path, *ended: int) -> None:
    """Add up the files of processes that have ended, those with the ids *ended* in any case.

    The caller holds :func:`locked`.
    """
    dead = {*map(str, ended), *_found_dead(folder)}
    by_kind: defaultdict[str, dict[Path, Entries]] = defaultdict(dict)
    remove = [ALIVE.format(pid) for pid in dead]
    for file in folder.glob("*.db"):
        kind, _, pid = file.stem.rpartition("_")
        if pid in dead and kind in COMBINE:
            if (entries := _read(file)) is not None:
                by_kind[kind][file] = entries
        elif pid in dead and kind.startswith("gauge_live"):
            remove.append(file.name)
    for kind, contents in by_kind.items():
        _write_archive(folder, kind, contents.values())
        remove += [file.name for file in contents]
    _commit(folder, list(by_kind), remove)


class CappedKeys:
    """Where numbers go, so that many generations of workers cannot flood the archive with labels.

    It has at most ``MAX_LABEL_VALUES`` values of an open label of ours, as a process has.
    """

    def __init__(self) -> None:
        self._values: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def places(self, key: str) -> list[str]:
        """Return the key itself, or those of ``OTHER`` and of the count of such events."""
        family, name, labels, text = json.loads(key)
        label = OPEN_LABELS.get(name)
        if label is None or labels[label] == names.OTHER:
            return [key]
        values = self._values[name, labels[names.LABEL_EXTRACTOR]]
        if labels[label] in values or len(values) < names.MAX_LABEL_VALUES:
            values.add(labels[label])
            return [key]
        other = labels | {label: names.OTHER}
        dropped = names.LABEL_VALUES_DROPPED
        extractor = labels[names.LABEL_EXTRACTOR]
        return [
            mmap_dict.mmap_key(family, name, list(other), list(other.values()), text),
            mmap_dict.mmap_key(
                dropped.name.removesuffix("_total"),
                dropped.name,
                list(dropped.labels),
                [extractor, label],
                dropped.help,
            ),
        ]


def has_begun(file: Path) -> bool:
    """Tell whether there is anything to read: a file is empty when its process begins."""
    with suppress(FileNotFoundError):  # a live gauge's goes with its process
        return file.stat().st_size > 0
    return False


def _lock_now(file: IO[str]) -> bool:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _found_dead(folder: Path) -> Iterator[str]:
    for path in folder.glob(ALIVE.format("*")):
        with suppress(OSError), path.open("a") as file:  # one of another user's is not ours to see
            if _lock_now(file):
                yield path.stem.rpartition("_")[2]


def _write_archive(folder: Path, kind: str, contents: Iterable[Entries]) -> None:
    """Write the new archive of *kind* beside the present one."""
    archive = folder / ARCHIVE.format(kind)
    new = _beside(archive)
    new.unlink(missing_ok=True)  # of one who was killed
    totals: dict[str, Entry] = {}
    capped = CappedKeys()
    for entries in (_taken_up(archive), *contents):
        for key, entry in entries:
            for place in capped.places(key):
                old = totals.get(place)
                totals[place] = entry if old is None else COMBINE[kind](old, entry)
    with closing(NumberFile(str(new))) as written:
        for key, (value, timestamp) in totals.items():
            written.write_value(key, value, timestamp)


def _read(file: Path) -> Entries | None:
    """Return what a file holds; None if it cannot be read."""
    try:
        if not has_begun(file):
            return []
        entries = NumberFile.read_all_values_from_file(str(file))
        return [(_checked(key), (value, at)) for key, value, at, _ in entries]
    except Exception:
        log_left_out(str(file), UNREADABLE)
        return None


def _checked(key: str) -> str:
    """Return the key of a number; raise some error if it is none, or one that nobody can add up."""
    family, name, labels, text = json.loads(key)
    float(labels.get("le", 0))
    if name in OPEN_LABELS:
        labels[OPEN_LABELS[name]], labels[names.LABEL_EXTRACTOR]
    if {type(part) for part in (family, name, text, *labels.values())} != {str}:
        raise ValueError(f"not a key of prometheus-client's: {key!r}")
    return key


def _taken_up(archive: Path) -> Entries:
    """Return what an archive holds; one that cannot be read leaves its place to a new one."""
    entries = _read(archive)
    if entries is not None:
        return entries
    _set_aside(archive)
    return []


def _set_aside(file: Path) -> None:
    """Let a file that cannot be read leave its name to a new one."""
    kind = file.stem.rpartition("_")[0]
    file.rename(file.with_name(f"{kind}_unreadable{time.time_ns()}.db"))


def _commit(folder: Path, kinds: list[str], remove: list[str]) -> None:
    """Put the archives in the place of the files, as a whole even if we are killed on the way."""
    if remove:
        journal = folder / JOURNAL
        _beside(journal).write_text(json.dumps({"kinds": kinds, "remove": remove}))
        _beside(journal).replace(journal)
        _finish(folder)


def _finish(folder: Path) -> None:
    journal = folder / JOURNAL
    if not journal.exists():
        return
    todo = _todo(journal)
    for kind in todo["kinds"]:
        archive = folder / ARCHIVE.format(kind)
        with suppress(FileNotFoundError):  # done before
            _beside(archive).replace(archive)
    for name in todo["remove"]:
        (folder / name).unlink(missing_ok=True)
    journal.unlink()


def _todo(journal: Path) -> dict[str, list[str]]:
    try:
        todo = json.loads(journal.read_text())
        return {"kinds": list(map(str, todo["kinds"])), "remove": list(map(str, todo["remove"]))}
    except (ValueError, LookupError, TypeError):  # somebody else's: ours are there as a whole
        log_left_out(str(journal), "removed")
        return {"kinds": [], "remove": []}


def _beside(path: Path) -> Path:
    return path.with_suffix(".new")
