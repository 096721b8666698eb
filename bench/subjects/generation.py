"""`featurewatch generate` by the number of extractors that have settings of their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter

import yaml

from bench.figures import BenchError, Figure, at_most
from bench.overlays import extractor_names, write_overlay
from featurewatch_kit import generate, programs
from featurewatch_kit.project import load_config

EXTRACTORS = (1, 1000)
ROUNDS = 5
#: Seconds.
LONGEST = at_most(1.0)


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Time, size and number of rules for each number of extractors, and promtool's time."""
    config = load_config(root, [])
    fewest = len(_rules(generate.generate(config, root)))
    for extractors in EXTRACTORS:
        case = f"generation.{extractors}_extractors"
        overlay = write_overlay(folder / f"{extractors}.yaml", config, extractor_names(extractors))
        out = folder / str(extractors)
        yield from _times(case, root, overlay, out)
        yield from _sizes(case, generate.generate(load_config(root, [overlay]), root), fewest)
        yield _promtool(case, root, out)


def _times(case: str, root: Path, overlay: Path, out: Path) -> Iterator[Figure]:
    def in_process() -> None:
        generate.generate(load_config(root, [overlay]), root)

    def command() -> None:
        words = ["-m", "featurewatch_kit.cli", "generate", "--root", str(root)]
        _call([sys.executable, *words, "--config", str(overlay), "--out", str(out)])

    for name, action in (("in_process", in_process), ("command", command)):
        wall, cpu = _best(action)
        yield Figure(name=f"{case}.{name}", value=wall, unit="s", goal=LONGEST)
        yield Figure(name=f"{case}.{name}.cpu", value=cpu, unit="s")


def _sizes(case: str, files: dict[str, str], fewest: int) -> Iterator[Figure]:
    for name, text in files.items():
        size = len(text.encode()) / 1000
        yield Figure(name=f"{case}.size.{Path(name).name}", value=size, unit="kB")
    rules = len(_rules(files))
    yield Figure(name=f"{case}.rules", value=rules, unit="rules", goal=at_most(fewest))


def _promtool(case: str, root: Path, out: Path) -> Figure:
    program = programs.find(programs.PROMTOOL, root)
    files = [str(file) for file in sorted((out / generate.RULES).parent.glob("*.yaml"))]
    value, _ = _best(lambda: _call([str(program), "check", "rules", *files]))
    return Figure(name=f"{case}.promtool_check", value=value, unit="s")


def _rules(files: dict[str, str]) -> list[object]:
    texts = [text for name, text in files.items() if name.startswith("rules/generated/")]
    groups = [group for text in texts for group in yaml.load(text, yaml.CSafeLoader)["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def _best(action: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds of the quickest rounds: others' work on the machine only adds."""
    rounds = [_seconds(action) for _ in range(ROUNDS)]
    return min(wall for wall, _ in rounds), min(cpu for _, cpu in rounds)


def _seconds(action: Callable[[], None]) -> tuple[float, float]:
    before, cpu = perf_counter(), _cpu_seconds()
    action()
    return perf_counter() - before, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    uses = [getrusage(whose) for whose in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise BenchError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr}")
