"""Credentials, rights, and an API server that starts again, with the account of the Roles."""

import os
import signal
import threading
from pathlib import Path

import pytest
from waiting import PATIENCE_SECONDS, eventually

from control_plane.cluster import CRONJOB, FE, Cluster
from featurewatch_receiver.automation.converge import DOWN, Patience, insist
from featurewatch_receiver.backends.base import TrainingState
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import (
    TargetBlindError,
    TargetRefusedError,
    TargetUnreadyError,
)
from kubernetes import client

#: Controllers and KWOK come back to the API server by and by, seen within 103 s.
RECONNECT_SECONDS = 600.0
UP, RESTART, TRAIN = "scale_up_deployment", "restart_deployment", "trigger_retraining"


def test_a_token_that_is_renewed_while_an_action_waits_is_read_again(cluster: Cluster) -> None:
    cluster.create()
    good = cluster.token.read_text()
    cluster.token.write_text("expired")
    backend = cluster.backend()
    with pytest.raises(TargetUnreadyError, match="401"):
        backend.deployment(FE)
    cluster.token.write_text(good)
    assert backend.deployment(FE).replicas == 3


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("name", [UP, RESTART])
def test_an_action_outlives_a_restart_of_the_api_server(
    cluster: Cluster, plane: Path, name: str, how: signal.Signals
) -> None:
    """It answers 503, then not at all, and for half a second that no right is known."""
    cluster.create()
    backend = cluster.backend(RECONNECT_SECONDS)
    plan = cluster.plan(name, backend)
    os.kill(int((plane / "kube-apiserver.pid").read_text()), how)
    looked = cluster.carry_out(name, backend, plan, RECONNECT_SECONDS)
    assert looked.detail == ("4 of 4" if name == UP else "3 of 3") + " replicas ready"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_change_is_asked_for_until_the_api_server_knows_the_rights_again(
    cluster: Cluster, plane: Path, how: signal.Signals
) -> None:
    cluster.create()
    backend = cluster.backend()
    os.kill(int((plane / "kube-apiserver.pid").read_text()), how)
    patience = Patience(
        deadline=Deadline(PATIENCE_SECONDS),
        stop=threading.Event(),
        pause=0.1,
        is_cancelled=lambda: False,
    )
    changed = insist(patience, lambda: backend.restart(FE, "k1"), forgiven=DOWN)
    assert changed.restart_key == "k1"


def test_a_right_that_is_missing_is_named_with_the_advice_to_grant_it(cluster: Cluster) -> None:
    words = 'cannot get resource "deployments" .*; grant it in the Role'
    with pytest.raises(TargetRefusedError, match=words):
        cluster.backend().deployment("bystander")


def cronjob(cluster: Cluster, *, ttl: int | None = None, **limits: int) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "train", "image": "x.example/t:1"}]}
    job: dict[str, object] = {"template": {"spec": pod}}
    if ttl is not None:
        job["ttlSecondsAfterFinished"] = ttl
    spec = {"schedule": "0 3 * * 0", "suspend": True, "jobTemplate": {"spec": job}} | limits
    body = {"metadata": {"name": CRONJOB}, "spec": spec}
    client.BatchV1Api(cluster.api).create_namespaced_cron_job(cluster.namespace, body)


@pytest.mark.parametrize(
    ("ttl", "limits"),
    [
        (None, {}),
        (0, {}),
        (None, {"successfulJobsHistoryLimit": 0}),
        (0, {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0}),
    ],
)
def test_a_training_that_succeeded_has_whatever_cleans_its_job_up(
    cluster: Cluster, ttl: int | None, limits: dict[str, int]
) -> None:
    cronjob(cluster, ttl=ttl, **limits)
    backend = cluster.backend()
    plan = cluster.plan(TRAIN, backend) | {"wait": True}
    assert "succeeded" in cluster.carry_out(TRAIN, backend, plan).detail
    run = backend.training(CRONJOB, plan["run_id"])
    assert run is not None
    assert run.state is TrainingState.SUCCEEDED


def test_a_training_whose_job_somebody_deletes_is_in_doubt(cluster: Cluster) -> None:
    cronjob(cluster)
    backend = cluster.backend()
    backend.start_training(CRONJOB, "run-1", {})
    batch = client.BatchV1Api(cluster.api)
    batch.delete_namespaced_job("run-1", cluster.namespace, propagation_policy="Background")

    def blind() -> bool:
        try:
            return backend.training(CRONJOB, "run-1") is None
        except TargetBlindError:
            return True

    eventually(blind)


def test_what_a_quota_refuses_is_told_without_advice_about_rights(cluster: Cluster) -> None:
    cronjob(cluster)
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    core = client.CoreV1Api(cluster.api)
    core.create_namespaced_resource_quota(cluster.namespace, quota)
    eventually(
        lambda: core.read_namespaced_resource_quota("q", cluster.namespace).status.used is not None
    )
    with pytest.raises(TargetRefusedError, match="exceeded quota: q") as refused:
        cluster.backend().start_training(CRONJOB, "run-1", {})
    assert "grant it" not in str(refused.value)


def test_what_an_admission_policy_refuses_is_told_without_advice_about_rights(
    cluster: Cluster,
) -> None:
    cluster.create()
    admission = client.AdmissionregistrationV1Api(cluster.api)
    name = f"no-scaling.{cluster.namespace}"
    rules = [
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["UPDATE"],
            "resources": ["deployments/scale"],
        }
    ]
    check = {"expression": "false", "message": "no scaling on Fridays", "reason": "Forbidden"}
    where = {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}}
    policy = {"matchConstraints": {"resourceRules": rules}, "validations": [check]}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": where},
    }
    metadata = {"metadata": {"name": name}}
    admission.create_validating_admission_policy(metadata | {"spec": policy})
    admission.create_validating_admission_policy_binding(metadata | {"spec": binding})
    backend, expected = cluster.backend(), [3]

    def refused() -> str:
        try:
            backend.scale(FE, expected[0] + 1, expected=expected[0])
        except TargetUnreadyError:
            return ""
        except TargetRefusedError as error:
            return str(error)
        expected[0] += 1  # the policy was not read yet
        return ""

    said = eventually(refused)
    assert "no scaling on Fridays" in said
    assert "grant it" not in said
