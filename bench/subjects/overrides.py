"""Rule evaluation when many of 1,000 extractors have settings of their own in every alert.

All are well meanwhile: what differs between the cases is the cost of the settings alone.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.overlays import extractor_names, write_overlay
from bench.prometheus import Load
from bench.subjects.rules import figures, measure, share
from featurewatch_kit.project import load_config

EXTRACTORS = 1000
OVERRIDES = (0, 100, 1000)
LOAD = Load(
    instances=EXTRACTORS,
    extractors=EXTRACTORS,
    trouble=False,
    interval="5s",
    samples=4,
    evaluations=4,
)
SETTINGS = ("featurewatch:threshold", "featurewatch:min_requests")


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Cost of 1,000 extractors when none, some and all of them have settings of their own."""
    config, names = load_config(root, []), extractor_names(EXTRACTORS)
    for count in OVERRIDES:
        case = f"overrides.{count}_of_{EXTRACTORS}_extractors"
        overlay = write_overlay(folder / f"{count}.yaml", config, names[:count])
        cost = measure(root, folder / case, LOAD, [overlay])
        yield from figures(case, cost)
        yield share(root, case, cost)
        settings = sum(cost.rules[name] for name in SETTINGS)
        yield Figure(name=f"{case}.settings", value=settings, unit="s")
