"""The house: how many rooms one alert passes through, and where the tests of a room are."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from dbos import DBOS
from sqlalchemy import select
from waiting import eventually

import featurewatch_receiver
from featurewatch_receiver.states import OPEN
from featurewatch_receiver.store.schema import remediations
from receiver.in_process import Receiver
from receiver.payloads import alert
from receiver.target import Target

HOME = Path(featurewatch_receiver.__file__).parent
MOST_FILES = 30
# What these do has nothing to do with the delivery.
OTHERS = ("slot keeper", "tidier", "housekeeping", "sweeper", "reconciler", "watcher")


@pytest.fixture
def files() -> Iterator[set[str]]:
    """The receiver's files of which a function is called, in whichever thread."""
    found: set[str] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        ours = event == "call" and file.startswith(f"{HOME}{os.sep}")
        if ours and threading.current_thread().name not in OTHERS:
            found.add(str(Path(file).relative_to(HOME)))

    threading.setprofile(profile)
    sys.setprofile(profile)
    yield found
    sys.setprofile(None)
    threading.setprofile(None)


def test_one_delivery_that_clears_a_cache_runs_code_of_at_most_thirty_files(
    files: set[str], make_receiver: Callable[[], Receiver], target: Target
) -> None:
    receiver = make_receiver()
    receiver.start()
    eventually(lambda: receiver.worker and receiver.worker.is_working())
    files.clear()
    receiver.deliver(alert("FeatureExtractionCacheHitRateLow"))
    eventually(lambda: concluded(receiver))
    assert target.effects == ["clear"]
    assert len(files) <= MOST_FILES, "\n".join(sorted(files))


def concluded(receiver: Receiver) -> bool:
    """Whether the action is over, and its workflow with it."""
    with receiver.core.reader.begin() as connection:
        states = list(connection.scalars(select(remediations.c.state)))
    return bool(states) and states[0] not in OPEN and not DBOS.list_workflows(status="PENDING")


TESTS = Path(__file__).parent
#: What is about no single module: the house itself.
ABOUT_ALL = {"test_house.py"}


def module_of(test: Path) -> str | None:
    """The module or package that a test file is named after; what follows its name says more."""
    words = test.stem.removeprefix("test_").split("_")
    folder = HOME / test.parent.relative_to(TESTS)
    for end in range(len(words), 0, -1):
        name = "_".join(words[:end])
        if (folder / f"{name}.py").exists() or (folder / name).is_dir() or folder.name == name:
            return name
    return None


@pytest.mark.parametrize(
    "test",
    [test for test in sorted(TESTS.rglob("test_*.py")) if test.name not in ABOUT_ALL],
    ids=lambda test: str(test.relative_to(TESTS)),
)
def test_a_test_file_stands_where_its_module_stands_and_bears_its_name(test: Path) -> None:
    assert module_of(test), f"no module of {test.parent.name} is named so"
