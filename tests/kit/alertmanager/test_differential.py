"""The model tells what a real Alertmanager tells, of random configurations and alerts."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import ANSWER_SECONDS

from featurewatch_kit.programs import ALERTMANAGER, find
from kit.alertmanager.differential import agreement
from kit.alertmanager.differential.batch import Run
from kit.alertmanager.differential.cases import Case
from kit.alertmanager.differential.making import make
from kit.alertmanager.differential.real import Real

#: How many random cases; `make test-compat` has more.
COUNT = int(os.environ.get("ALERTMANAGER_CASES", "40"))
#: Cases that one Alertmanager has at once.
AT_ONCE = 60
#: Seconds of a beat. What disagrees is tried again more slowly: a slow machine needs that, and
#: what is really different stays so.
BEATS = (0.4, 0.8, 2.0, 5.0)
#: What happens to the process on the way, and to which share of the cases.
SHARES = {"": 0.6, "restart": 0.2, "kill": 0.05, "reload": 0.15}


@pytest.fixture(scope="module")
def program(root: Path) -> Path:
    return find(ALERTMANAGER, root)


@pytest.fixture(scope="module")
def version(program: Path) -> str:
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True
    )
    found = re.search(r"version (\d+\.\d+\.\d+)", said.stdout + said.stderr)
    assert found
    return found[1]


# Five hundred on a machine with much other work took nine minutes.
@pytest.mark.timeout(900 + 4 * COUNT)
def test_the_model_tells_what_alertmanager_tells(
    root: Path, tmp_path: Path, program: Path, version: str
) -> None:
    def try_out(breaks: str) -> list[str]:
        return faults(
            lambda some, beat, name: Real(
                program, root, tmp_path / f"{breaks}-{name}", some, beat
            ).run(breaks),
            dict(enumerate(made[breaks])),
            version,
        )

    made = {breaks: make(round(COUNT * share), version, breaks) for breaks, share in SHARES.items()}
    with ThreadPoolExecutor(len(made)) as pool:
        wrong = [fault for found in pool.map(try_out, made) for fault in found]
    assert not wrong, f"{len(wrong)} of {COUNT} disagree\n" + "\n\n".join(wrong)


def faults(
    run: Callable[[dict[int, Case], float, str], Run], rest: dict[int, Case], version: str
) -> list[str]:
    """What disagrees at every length of a beat."""
    wrong: dict[int, str] = {}
    for beat in BEATS:
        wrong = {}
        for numbers in batched(rest, AT_ONCE):
            some = {number: rest[number] for number in numbers}
            done = run(some, beat, f"{beat}-{numbers[0]}")
            wrong |= agreement.compared(done, version)
        print(f"beats of {beat} s: {len(wrong)} of {len(rest)} disagree", *wrong.values(), sep="\n")
        rest = {number: rest[number] for number in wrong}
        if not rest:
            break
    return [f"{fault}\n{rest[number]}" for number, fault in wrong.items()]


def batched(rest: dict[int, Case], size: int) -> Iterator[list[int]]:
    numbers = list(rest)
    for begin in range(0, len(numbers), size):
        yield numbers[begin : begin + size]
