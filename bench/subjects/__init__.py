"""What is measured. A new subject is a module here and a line in SUBJECTS.

A subject gets the project's folder and an empty one to work in, yields its figures as they come,
and raises BenchError when what it measured proves nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure
from bench.subjects import (
    console,
    exporter,
    generation,
    intake,
    overrides,
    rules,
    sidecar,
    simulate,
    unusual,
)

Subject = Callable[[Path, Path], Iterator[Figure]]


def _exporter(root: Path, folder: Path) -> Iterator[Figure]:
    """Both parts of `exporter/`: the library, and the sidecar."""
    yield from exporter.run(root, folder)
    yield from sidecar.run(root, folder)


SUBJECTS: dict[str, Subject] = {
    "exporter": _exporter,
    "generation": generation.run,
    "rules": rules.run,
    "overrides": overrides.run,
    "intake": intake.run,
    "console": console.run,
    "unusual": unusual.run,
    "simulate": simulate.run,
}
