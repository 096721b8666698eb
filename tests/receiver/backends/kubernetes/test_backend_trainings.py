"""Jobs that are made from CronJobs."""

import json

import pytest

from featurewatch_receiver.backends.base import Training, TrainingState
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.errors import TargetBlindError
from receiver.backends.kubernetes.objects import (
    CRONJOB,
    RUN,
    changed,
    k8s,
)
from receiver.replay import ANYTHING, Exchange, Replay

FACTS = {"alertname": 'A"\n{{x}} $(reboot) </s>', "extractor": "../../etc"}


def job_create(told: dict[str, str]) -> Exchange:
    """As recorded, with the facts at the pod, labels of the template, and batch/v1 as owner."""
    exchange = k8s("job_create")
    body = changed(exchange.asked, metadata__labels={"app": "retrain"})
    body["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1"
    annotations = body["spec"]["template"]["metadata"]["annotations"]
    annotations["featurewatch/facts"] = json.dumps(told, sort_keys=True)
    return exchange.but(asked=body)


def test_a_training_is_the_cronjobs_template_as_a_job_with_the_facts_as_data(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(CRONJOB, job_create(FACTS))
    run = fe.start_training("retrain", RUN, FACTS)
    assert (run.run_id, run.state) == (RUN, TrainingState.RUNNING)


def test_what_is_newer_than_the_client_reaches_the_job(
    server: Replay, fe: KubernetesClient
) -> None:
    newer = changed(CRONJOB.answer, spec__jobTemplate__spec__newField={"of": None})
    server.expect(CRONJOB.but(answer=newer), k8s("job_create").but(asked=ANYTHING))
    fe.start_training("retrain", RUN, {})
    assert server.sent[-1].body["spec"]["newField"] == {"of": None}


@pytest.mark.parametrize(
    ("ttl", "limits", "kept"),
    [
        (None, {}, (None, True)),
        (0, {}, (3600, True)),
        (7200, {}, (7200, True)),
        (None, {"successfulJobsHistoryLimit": 0}, (3600, False)),
        (60, {"failedJobsHistoryLimit": 0}, (3600, False)),
    ],
)
def test_a_job_stays_until_it_was_looked_at(
    server: Replay,
    fe: KubernetesClient,
    ttl: int | None,
    limits: dict[str, int],
    kept: tuple[int | None, bool],
) -> None:
    """Its CronJob would delete it, or its own time would, before it was seen to be over."""
    answer = changed(CRONJOB.answer, spec__jobTemplate__spec__ttlSecondsAfterFinished=ttl)
    if ttl is None:
        del answer["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"]
    answer["spec"] |= limits
    server.expect(CRONJOB.but(answer=answer), k8s("job_create").but(asked=ANYTHING))
    fe.start_training("retrain", RUN, {})
    body = server.sent[-1].body
    (owner,) = body["metadata"]["ownerReferences"]
    assert (body["spec"].get("ttlSecondsAfterFinished"), owner["controller"]) == kept


def test_how_a_run_ended_that_somebody_deleted_nobody_can_tell(
    server: Replay, fe: KubernetesClient
) -> None:
    gone = k8s("not_found_as_admin").but(path=f"/apis/batch/v1/namespaces/features/jobs/{RUN}")
    server.expect("k8s/job_get_active", gone)
    assert fe.training("retrain", RUN) is not None
    with pytest.raises(TargetBlindError, match="somebody has deleted job retrain-rec1, or the"):
        fe.training("retrain", RUN)


def test_facts_are_cut_and_are_part_of_nothing_but_one_annotation(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(CRONJOB, job_create({"alertname": "x" * 1000}))
    fe.start_training("retrain", RUN, {"alertname": "x" * 9999})


def test_a_job_that_is_there_already_is_the_run(server: Replay, fe: KubernetesClient) -> None:
    conflict = k8s("job_create_conflict").but(asked=ANYTHING)
    server.expect(CRONJOB, conflict, "k8s/job_get_active")
    assert fe.start_training("retrain", RUN, {}).state is TrainingState.RUNNING


@pytest.mark.parametrize(
    ("recording", "run"),
    [
        (
            "job_get_active",
            Training(run_id=RUN, state=TrainingState.RUNNING, detail="1 pods active"),
        ),
        ("job_get_complete", Training(run_id=RUN, state=TrainingState.SUCCEEDED)),
        (
            "job_get_failed",
            Training(
                run_id="retrain-rec2",
                state=TrainingState.FAILED,
                detail="BackoffLimitExceeded: Job has reached the specified backoff limit",
            ),
        ),
    ],
)
def test_a_run_is_as_its_jobs_conditions_say(
    server: Replay, fe: KubernetesClient, recording: str, run: Training
) -> None:
    server.expect(f"k8s/{recording}")
    assert fe.training("retrain", run.run_id) == run


def test_a_run_that_is_not_there_is_none(server: Replay, fe: KubernetesClient) -> None:
    path = "/apis/batch/v1/namespaces/features/jobs/retrain-none"
    server.expect(k8s("not_found_as_admin").but(path=path))
    assert fe.training("retrain", "retrain-none") is None
