"""The documented backends of Prefect and Dagster on real servers, which make test-trainers has."""

from collections.abc import Iterator

import pytest
import requests
from waiting import eventually

from featurewatch_receiver.backends.base import Training, TrainingState
from featurewatch_receiver.backends.http_job import HttpJobClient
from featurewatch_receiver.errors import TargetRefusedError
from receiver.backends.jobs import documented
from receiver.backends.trainers.systems import SYSTEMS

pytestmark = pytest.mark.trainers
HOSTILE = {"alertname": 'a"}\n{{run_id}} $(reboot) \u202e', "extractor": "../../x?y=1#z"}


class System:
    """A server, and what it trains."""

    def __init__(self, name: str, url: str, model: str) -> None:
        self.name, self.url, self.model = name, url, model

    def client(self) -> HttpJobClient:
        """As a receiver has it that was just started."""
        return documented(self.name, self.url)

    def end(self, client: HttpJobClient, run_id: str) -> Training:
        """What became of a run."""

        def ended() -> Training | None:
            seen = client.training(self.model, run_id)
            assert seen is not None
            return None if seen.state is TrainingState.RUNNING else seen

        seen = eventually(ended)
        assert seen is not None
        return seen

    def runs(self) -> int:
        """How many it has."""
        if self.name == "prefect":
            counted = requests.post(f"{self.url}/api/flow_runs/count", json={}, timeout=10)
            return int(counted.text)
        query = "{runsOrError{...on Runs{count}}}"
        told = requests.get(f"{self.url}/graphql", params={"query": query}, timeout=10).json()
        return int(told["data"]["runsOrError"]["count"])


@pytest.fixture(scope="module", params=SYSTEMS)
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    name = request.param
    with SYSTEMS[name](tmp_path_factory.mktemp(name)) as (url, model):
        yield System(name, url, model)


def test_a_run_is_started_and_followed_to_its_success(system: System) -> None:
    client, before = system.client(), system.runs()
    assert client.training(system.model, "featurewatch-1") is None
    client.start_training(system.model, "featurewatch-1", HOSTILE)
    assert system.end(client, "featurewatch-1").state is TrainingState.SUCCEEDED
    assert system.runs() == before + 1


def test_a_receiver_that_was_restarted_starts_no_second_run(system: System) -> None:
    system.client().start_training(system.model, "featurewatch-2", {})
    before, another = system.runs(), system.client()
    if another.training(system.model, "featurewatch-2") is None:
        another.start_training(system.model, "featurewatch-2", {})
    assert system.end(another, "featurewatch-2").state is TrainingState.SUCCEEDED
    assert system.runs() == before


def test_a_run_that_fails_is_told(system: System) -> None:
    client = system.client()
    client.start_training(system.model, "featurewatch-3", {"extractor": "bad"})
    assert system.end(client, "featurewatch-3").state is TrainingState.FAILED


def test_what_is_not_there_is_refused(system: System) -> None:
    before = system.runs()
    with pytest.raises(TargetRefusedError, match=r"Could not find Pipeline|Deployment not found"):
        system.client().start_training("00000000-0000-0000-0000-000000000000", "featurewatch-4", {})
    assert system.runs() == before
