"""The documented backends of Prefect and Dagster against recorded answers of real servers."""

import pytest

from featurewatch_receiver.backends.base import Training, TrainingState
from featurewatch_receiver.errors import TargetAnswerInvalidError, TargetRefusedError
from receiver.backends.jobs import documented, run
from receiver.replay import ANYTHING, recorded, replaying

DEPLOYMENT = recorded("prefect/run_create").path.split("/")[3]
FACTS = {"alertname": "Fallbacks", "extractor": "fe"}
#: Prefect's own.
RUN = recorded("prefect/run_get_completed").path.rpartition("/")[2]


def test_prefect_starts_a_run_of_a_deployment_and_tells_how_it_gets_on() -> None:
    states = ["scheduled", "pending", "running", "completed"]
    looks = [f"prefect/run_get_{state}" for state in states]
    with replaying("prefect/run_create", *looks) as server:
        prefect = documented("prefect", server)
        started = prefect.start_training(DEPLOYMENT, "rec-1", FACTS)
        assert started == Training(run_id=RUN, state=TrainingState.RUNNING)
        seen = [prefect.training(DEPLOYMENT, "rec-1") for _ in states]
        assert [(each.state.value, each.detail) for each in seen if each] == [
            ("running", "SCHEDULED"),
            ("running", "PENDING"),
            ("running", "RUNNING"),
            ("succeeded", "COMPLETED"),
        ]


def test_prefect_gives_the_run_of_before_to_a_receiver_that_has_forgotten_it() -> None:
    with replaying(
        "prefect/run_create", "prefect/run_create_again", "prefect/run_get_completed"
    ) as server:
        documented("prefect", server).start_training(DEPLOYMENT, "rec-1", FACTS)
        another = documented("prefect", server)
        assert another.training(DEPLOYMENT, "rec-1") is None
        assert another.start_training(DEPLOYMENT, "rec-1", FACTS).run_id == RUN
        done = another.training(DEPLOYMENT, "rec-1")
        assert done is not None
        assert done.state is TrainingState.SUCCEEDED


def test_prefect_tells_why_a_run_failed_and_which_deployment_it_does_not_know() -> None:
    failed = recorded("prefect/run_get_failed")
    created = recorded("prefect/run_create").but(asked=ANYTHING)
    created = created.but(answer={"id": failed.path.rpartition("/")[2]})
    unknown = recorded("prefect/deployment_unknown").but(asked=ANYTHING)
    with replaying(created, failed, unknown) as server:
        prefect = documented("prefect", server)
        prefect.start_training(DEPLOYMENT, "rec-2", FACTS)
        seen = prefect.training(DEPLOYMENT, "rec-2")
        assert seen is not None
        assert seen.state is TrainingState.FAILED
        assert seen.detail == ("FAILED: Flow run encountered an exception: RuntimeError: no data")
        with pytest.raises(TargetRefusedError, match=r"404 .*Deployment not found"):
            prefect.start_training("00000000-0000-0000-0000-000000000000", "rec-3", FACTS)


def test_dagster_launches_a_job_and_finds_its_run_by_the_tag() -> None:
    states = ["queued", "starting", "started", "success"]
    looks = [f"dagster/run_get_{state}" for state in states]
    with replaying("dagster/run_get_absent", "dagster/run_launch", *looks) as server:
        assert documented("dagster", server).training("retrain_features", "rec-1") is None
        started = run(documented("dagster", server), "rec-1", **FACTS)
        assert started == Training(run_id="rec-1", state=TrainingState.RUNNING)
        another = documented("dagster", server)
        seen = [another.training("retrain_features", "rec-1") for _ in states]
        assert [(each.state.value, each.detail) for each in seen if each] == [
            ("running", "QUEUED"),
            ("running", "STARTING"),
            ("running", "STARTED"),
            ("succeeded", "SUCCESS"),
        ]


def test_dagster_tells_a_run_that_failed() -> None:
    with replaying("dagster/run_get_failure") as server:
        seen = documented("dagster", server).training("retrain_features", "rec-2")
        assert seen == Training(run_id="rec-2", state=TrainingState.FAILED, detail="FAILURE")


def test_a_look_that_dagster_fails_is_not_taken_for_a_run_that_is_absent() -> None:
    """Otherwise the run would be started once more."""
    failed = recorded("dagster/run_get_absent").but(answer={"data": {"runsOrError": {}}})
    with (
        replaying(failed) as server,
        pytest.raises(TargetAnswerInvalidError, match="'' is neither"),
    ):
        documented("dagster", server).training("retrain_features", "rec-1")


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        ("job_unknown", "Could not find Pipeline training.__repository__.nope"),
        ("config_invalid", "Received unexpected config entry"),
    ],
)
def test_what_dagster_refuses_with_a_200_is_refused(recording: str, said: str) -> None:
    with (
        replaying(recorded(f"dagster/{recording}").but(asked=ANYTHING)) as server,
        pytest.raises(TargetRefusedError, match=f"data.launchRun says .*{said}"),
    ):
        run(documented("dagster", server), "rec-1", **FACTS)
