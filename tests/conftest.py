"""Fixtures of all tests: the project's folder, the programs of the chain, generated files."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import hypothesis
import pytest

from featurewatch_kit.generate import generate, write
from featurewatch_kit.programs import AMTOOL, PROMTOOL, find
from featurewatch_kit.project import load_config

ROOT = Path(__file__).parents[1]
# How long an example takes is a matter of the machine and of what else it does.
hypothesis.settings.register_profile(
    "steady", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")


MEMORY = Path("/dev/shm")  # noqa: S108  # pytest makes a folder of its own there
ROOM_BYTES = 6 * 2**30
# They kill servers over and over, which takes minutes: `make chaos` runs them, and `make test` the
# kills alone.
LONG = frozenset(
    Path(__file__).parent / name
    for name in (
        "chaos/test_caches.py",
        "chaos/test_clock.py",
        "chaos/test_cluster.py",
        "chaos/test_databases.py",
        "chaos/test_restarts.py",
        "chaos/test_targets.py",
        "receiver/test_worker_takeover.py",
    )
)
#: By marker, what `make test` does not install, and what does and runs it.
ELSEWHERE = {
    "clients": "clients and servers of other languages (make test-clients)",
    "trainers": "Prefect and Dagster (make test-trainers)",
    "workers": "uWSGI, granian, eventlet and Celery (make test-workers)",
}
# They read what became of scenarios that run once, side by side.
STORIES = ("test_crashes.py", "test_escalation.py", "test_noise.py")
# Each starts a whole chain; side by side they would keep the stories from their short times.
CHAINS = ("test_demo_command.py", "test_first_steps.py")
# What waits most begins first, so that nobody waits for it at the end.
SLOW = ("chaos", "e2e", "scrape", "dashboards")


def pytest_configure() -> None:
    """Keep databases of the tests in memory, where there is room: they wait for the disk else."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


# Before pytest-xdist's own, which reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say what shares servers, for pytest-xdist; what takes long begins first, or is left out."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
        if item.path in LONG and "CHAOS_KILLS" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="more chaos (make chaos)"))
        for marker, reason in ELSEWHERE.items():
            if item.get_closest_marker(marker) and marker not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason=reason))
    items.sort(key=lambda item: item.path.parent.name not in SLOW)


def _group(item: pytest.Item) -> str:
    """What shares servers: a file, the stories of the chain, the rules' tests about one alert."""
    folder = item.path.parent.name
    if folder == "rules":
        return f"rules {getattr(item, 'callspec', None) and item.callspec.params.get('name')}"
    if item.path.name in CHAINS:
        return "chains"
    return "stories" if item.path.name in STORIES else str(item.path.relative_to(ROOT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what could not run here, and what would run it."""
    skipped = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if skipped:
        needs = "; ".join(f"{count} for want of {what}" for what, count in skipped.most_common())
        terminalreporter.line(f"not run here: {needs}", yellow=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus's tool; the test fails with the way to get it when there is none."""
    return find(PROMTOOL, ROOT)


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's tool; the test fails with the way to get it when there is none."""
    return find(AMTOOL, ROOT)


@pytest.fixture(scope="session")
def files_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Text of every generated file of an overlay, by path; made once for each overlay."""

    @cache
    def once(overlay: str) -> dict[str, str]:
        file = tmp_path_factory.mktemp("overlay") / "overlay.yaml"
        file.write_text(overlay, encoding="utf-8")
        return generate(load_config(ROOT, [file]), ROOT)

    return once


@pytest.fixture
def generated(tmp_path: Path, files_of: Callable[[str], dict[str, str]]) -> Callable[[str], Path]:
    """Write every generated file of an overlay below a folder, and return that folder."""

    def generate_with(overlay: str) -> Path:
        folder = tmp_path / "project"
        write(files_of(overlay), folder)
        return folder

    return generate_with
