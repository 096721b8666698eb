"""The chain with short times, and the scenarios that run on it side by side.

There are two chains: one for the scenarios, one whose servers are killed. Each starts once a
session. Tests begin when all has ended, and read what people were told.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from e2e import crashes, scenarios
from e2e.live import Live
from e2e.stories import Stories

#: From the start of the servers; long enough for every level to come due within it.
MAINTENANCE_SECONDS = 50
CLOCK = "%Y-%m-%dT%H:%M:%SZ"


@pytest.fixture(scope="session")
def stories(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Stories:
    """Every scenario by its extractor's name, and `crashes`."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=MAINTENANCE_SECONDS)
    live = Live(root, tmp_path_factory.mktemp("live"), overlay=_maintenance(end))
    crashing = Live(
        root,
        tmp_path_factory.mktemp("crashes"),
        overlay=crashes.OVERLAY,
        alertmanager_options=crashes.alertmanager_options(),
        resend_seconds=crashes.PATIENT_RESEND_SECONDS,
    )
    chains = {_name(scenario): (scenario, live) for scenario in scenarios.ALL}
    chains["crashes"] = (crashes.run, crashing)
    with ExitStack() as stack:
        stack.enter_context(live)
        stack.enter_context(crashing)
        pool = stack.enter_context(ThreadPoolExecutor(len(chains)))
        ends = {name: pool.submit(run, chain) for name, (run, chain) in chains.items()}
        wait(ends.values())
    return Stories(
        maintenance_end=end.timestamp(),
        _journals={name: chain.journal for name, (_, chain) in chains.items()},
        _ends=ends,
    )


def _name(scenario: Any) -> str:
    """The extractor of a scenario."""
    return str(scenario.__name__).replace("_", "-")


def _maintenance(end: datetime) -> dict[str, Any]:
    """Settings with two maintenance windows from now on, of which the first ends halfway."""
    begin = end - timedelta(seconds=MAINTENANCE_SECONDS)
    halfway = end - timedelta(seconds=MAINTENANCE_SECONDS // 2)
    return {
        "maintenance": [
            {"name": name, "from": begin.strftime(CLOCK), "to": to.strftime(CLOCK)}
            | {"extractors": list(scenarios.MAINTAINED)}
            for name, to in (("a-test", halfway), ("another", end))
        ]
    }
