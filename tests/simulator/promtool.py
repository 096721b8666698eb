"""A world given to promtool, and what Prometheus makes of it at each evaluation."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from waiting import PATIENCE_SECONDS

from simulator.evaluator import Clock
from simulator.vectors import NAME, Labels, Series, Vector, labels_of

#: Whatever rules record, and the state of alerts.
EVERYTHING = '{__name__=~".+:.+|ALERTS"}'
_SAMPLE = re.compile(r"\{([^}]*)\} (\S+?)(?:, (?=\{)|$)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_GOT = re.compile(r"time: (\S+),\s+exp:[^\n]*\n\s+got:(.*)$", re.MULTILINE)

Samples = dict[Labels, float]


def ask(
    promtool: Path, folder: Path, texts: list[str], samples: Vector, clock: Clock
) -> list[Samples]:
    """What promtool records at each evaluation, with the rules of these files."""
    files = [
        _without_annotations(folder / f"{number}.yaml", text) for number, text in enumerate(texts)
    ]
    document = {
        "rule_files": [file.name for file, _ in files],
        "evaluation_interval": f"{clock.step:g}s",
        "group_eval_order": [group for _, groups in files for group in groups],
        "tests": [_test(samples, clock)],
    }
    file = folder / "world.yaml"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [promtool, "test", "rules", file],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        # A program that lives for a second does best without collecting its garbage.
        env=os.environ | {"GOMAXPROCS": "1", "GOGC": "400"},
    )
    return list(_read(done.stdout + done.stderr, clock))


def _without_annotations(file: Path, text: str) -> tuple[Path, list[str]]:
    """They cost promtool more than all the rest."""
    tree = yaml.load(text, Loader=yaml.CSafeLoader)
    for group in tree["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations", None)
    file.write_text(json.dumps(tree))
    return file, [group["name"] for group in tree["groups"]]


def _test(samples: Vector, clock: Clock) -> dict:
    """The series, and at each evaluation a question whose answer can't be right."""
    interval = clock.phase or clock.step
    wrong = [{"labels": '{wrong="true"}', "value": -1}]
    return {
        "interval": f"{interval:g}s",
        "input_series": [
            {"series": _selector(labels), "values": _values(series, clock, interval)}
            for labels, series in samples.items()
        ],
        "promql_expr_test": [
            {"expr": EVERYTHING, "eval_time": f"{moment:.0f}s", "exp_samples": wrong}
            for moment in clock.times(0, clock.length)
        ],
    }


def _selector(labels: Labels) -> str:
    values = dict(labels)
    own = ",".join(f'{name}="{value}"' for name, value in values.items() if name != NAME)
    return f"{values[NAME]}{{{own}}}"


def _values(series: Series, clock: Clock, interval: float) -> str:
    """In promtool's notation, with the marker of a scrape in which the series is missing."""
    texts: list[str] = []
    before = False
    gap = ["_"] * (round(clock.step / interval) - 1)
    for value, present in zip(*series, strict=True):
        texts += [*gap, repr(float(value)) if present else "stale" if before else "_"]
        before = bool(present)
    # The first evaluation is at 0, and the scrapes are that long before evaluations.
    return " ".join(texts[round((clock.step + clock.phase) / interval) - 1 :])


def _read(said: str, clock: Clock) -> Iterator[Samples]:
    """The answers to the questions, in the order of their moments."""
    found = {_seconds(moment): samples for moment, samples in _GOT.findall(said)}
    for moment in clock.times(0, clock.length):
        yield {
            labels_of(dict(_LABEL.findall(labels))): float(value)
            for labels, value in _SAMPLE.findall(found[moment].strip())
        }


def _seconds(duration: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(
        float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", duration)
    )


def at(recorded: Vector, moment: int) -> Samples:
    """What the simulator recorded at one evaluation."""
    return {
        labels: float(series.values[moment])
        for labels, series in recorded.items()
        if series.present[moment]
    }


def same(one: float, other: float) -> bool:
    """Whether two values differ by no more than rounding."""
    if np.isnan(one) or np.isnan(other):
        return bool(np.isnan(one) and np.isnan(other))
    return one == other or abs(one - other) <= 3e-8 * max(1.0, abs(one), abs(other))
