"""What is measured. A new subject is a module here and a line in SUBJECTS.

A subject gets the project's folder and an empty one to work in, yields its figures as they come,
and raises BenchError when what it measured proves nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure
from bench.subjects import console, exporter, generation, intake, overrides, rules

Subject = Callable[[Path, Path], Iterator[Figure]]

SUBJECTS: dict[str, Subject] = {
    "exporter": exporter.run,
    "generation": generation.run,
    "rules": rules.run,
    "overrides": overrides.run,
    "intake": intake.run,
    "console": console.run,
}
