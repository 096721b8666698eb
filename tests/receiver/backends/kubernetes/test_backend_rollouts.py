"""Changes of the pod template: restarts, CPU and memory."""

from typing import Any

import pytest
from kubernetes.utils.quantity import parse_quantity

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.errors import TargetChangedError, TargetRefusedError
from receiver.backends.kubernetes.objects import (
    BEFORE,
    FE,
    Open,
    bodies,
    changed,
    deployment,
    k8s,
)
from receiver.replay import ANYTHING, Exchange, Replay


def restart_patch(version: str, key: str | None) -> Exchange:
    """As recorded with kubectl's annotation; ours differs in its name, and names the version."""
    annotations = {"featurewatch/restart": key}
    spec = {"template": {"metadata": {"annotations": annotations}}}
    asked = {"metadata": {"resourceVersion": version}, "spec": spec}
    return k8s("restart_patch").but(asked=asked)


def restarted(recording: str, key: str) -> Exchange:
    seen = deployment(recording)
    template = changed(seen.answer)
    template["spec"]["template"]["metadata"]["annotations"]["featurewatch/restart"] = key
    return seen.but(answer=template)


def test_a_restart_marks_the_pods_with_its_key(server: Replay, fe: KubernetesClient) -> None:
    server.expect(deployment("stable"), restart_patch("673", "k1"), restarted("restarting", "k1"))
    after = fe.restart(FE, "k1")
    assert (after.restart_key, after.settled) == ("k1", False)


def test_a_restart_of_the_same_key_changes_nothing(server: Replay, fe: KubernetesClient) -> None:
    server.expect(*[restarted("restarted", "k1")] * 2)
    after = fe.restart(FE, "k1")
    assert (after.restart_key, after.settled) == ("k1", True)


def test_a_restart_is_taken_back_by_taking_its_mark_away(
    server: Replay, fe: KubernetesClient
) -> None:
    stuck = restarted("progress_deadline_exceeded", "k1")
    server.expect(stuck, restart_patch("798", None), deployment("stable"))
    assert fe.undo_restart(FE, None).settled


def test_a_deployment_whose_rollout_is_paused_is_not_restarted(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(deployment("stable", spec__paused=True))
    with pytest.raises(TargetRefusedError, match="paused; `kubectl rollout resume`"):
        fe.restart(FE, "k1")


def resources_patch(version: str, **amounts: Any) -> Exchange:
    container = {"name": "fe", "resources": amounts}
    spec = {"template": {"spec": {"containers": [container]}}}
    asked = {"metadata": {"resourceVersion": version}, "spec": spec}
    return k8s("resources_patch").but(asked=asked)


GIVEN = "spec__template__spec__containers__0__resources"


def test_more_of_both_keeps_the_requests_share_of_the_limit(
    server: Replay, fe: KubernetesClient
) -> None:
    wanted = ResourceAmounts(cpu=2.5, memory=3 * 2**30)
    patch = resources_patch(
        "673",
        requests={"cpu": "625m", "memory": "768Mi"},
        limits={"cpu": "2500m", "memory": "3Gi"},
    )
    given = {
        "requests": {"cpu": "625m", "memory": "768Mi"},
        "limits": {"cpu": "2500m", "memory": "3Gi"},
    }
    server.expect(deployment("stable"), patch, deployment("stable", **{GIVEN: given}))
    assert fe.set_resources(FE, wanted, expected=BEFORE).resources == wanted


def test_what_stays_as_it_is_is_not_written_anew(server: Replay, fe: KubernetesClient) -> None:
    patch = resources_patch("673", requests={"cpu": "1000m"}, limits={"cpu": "4000m"})
    server.expect(deployment("stable"), patch, deployment("stable"))
    fe.set_resources(FE, ResourceAmounts(cpu=4.0, memory=BEFORE.memory), expected=BEFORE)


@pytest.mark.parametrize("request_cpu", ["333m", "1", "7m", "1500m"])
def test_taking_a_change_back_restores_the_request_to_the_thousandth(
    server: Replay, fe: KubernetesClient, request_cpu: str
) -> None:
    def given(request: str, limit: str) -> Exchange:
        return deployment(
            "stable", **{GIVEN: {"requests": {"cpu": request}, "limits": {"cpu": limit}}}
        )

    anything = k8s("resources_patch").but(asked=ANYTHING)
    small, large = ResourceAmounts(cpu=1.5), ResourceAmounts(cpu=1.999)
    server.expect(given(request_cpu, "1500m"), anything, given(request_cpu, "1500m"))
    fe.set_resources(FE, large, expected=small)
    (up,) = bodies(server, "PATCH")
    more = up["spec"]["template"]["spec"]["containers"][0]["resources"]
    server.expect(given(more["requests"]["cpu"], "1999m"), anything, given(request_cpu, "1500m"))
    fe.set_resources(FE, small, expected=large)
    back = bodies(server, "PATCH")[1]["spec"]["template"]["spec"]["containers"][0]["resources"]
    milli = request_cpu if request_cpu.endswith("m") else f"{request_cpu}000m"
    assert back == {"requests": {"cpu": milli}, "limits": {"cpu": "1500m"}}


@pytest.mark.parametrize("memory", ["1Gi", "1536Mi", "1G", "1500M", "1000Ki", "1023", "2Ti"])
def test_taking_a_change_back_writes_the_memory_as_it_was_written(
    server: Replay, fe: KubernetesClient, memory: str
) -> None:
    """Else whoever applies the manifest again is told of a conflict, seen on Kubernetes 1.37."""
    before = ResourceAmounts(memory=int(parse_quantity(memory)))
    raised = str(int(parse_quantity(memory)) * 3)
    large = deployment("stable", **{GIVEN: {"limits": {"memory": raised}}})
    server.expect(large, k8s("resources_patch").but(asked=ANYTHING), large)
    fe.set_resources(FE, before, expected=ResourceAmounts(memory=int(raised)))
    (back,) = bodies(server, "PATCH")
    container = back["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"memory": memory}


def test_without_a_limit_the_request_is_the_amount(server: Replay, fe: KubernetesClient) -> None:
    given = {"requests": {"cpu": "500m"}}
    patch = resources_patch("673", requests={"cpu": "1000m"}, limits={})
    server.expect(deployment("stable", **{GIVEN: given}), patch, deployment("stable"))
    seen = ResourceAmounts(cpu=0.5)
    fe.set_resources(FE, ResourceAmounts(cpu=1.0), expected=seen)


def test_what_the_container_does_not_set_is_not_invented(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(deployment("stable", **{GIVEN: {}}))
    with pytest.raises(TargetRefusedError, match="container fe sets no cpu"):
        fe.set_resources(FE, ResourceAmounts(cpu=1.0), expected=ResourceAmounts())


def test_a_container_that_sets_nothing_is_told_also_where_its_pod_does(
    server: Replay, fe: KubernetesClient
) -> None:
    """Kubernetes 1.34 and newer have resources of a whole pod."""
    whole = {"limits": {"cpu": "2"}}
    server.expect(deployment("stable", **{GIVEN: {}}, spec__template__spec__resources=whole))
    words = "container fe sets neither CPU nor memory; write them at the container, not at its pod"
    assert fe.deployment(FE).unsized == words


def test_other_amounts_than_expected_are_left_alone(server: Replay, fe: KubernetesClient) -> None:
    server.expect(deployment("stable"))
    with pytest.raises(TargetChangedError):
        fe.set_resources(FE, ResourceAmounts(cpu=3.0), expected=ResourceAmounts(cpu=1.0))


@pytest.mark.parametrize("container", ["typo", None])
def test_a_container_that_is_not_there_or_not_clear_is_never_appended(
    server: Replay, opened: Open, container: str | None
) -> None:
    two = [{"name": "fe"}, {"name": "sidecar"}]
    server.expect(*[deployment("stable", spec__template__spec__containers=two)] * 2)
    backend = opened(server.url, container=container)
    seen = backend.deployment(FE)
    assert seen.resources == ResourceAmounts()
    assert seen.unsized is not None
    assert seen.unsized.endswith("fe, sidecar; name one of them as `container` of the backend")
    with pytest.raises(TargetRefusedError, match="has the containers fe, sidecar; name one"):
        backend.set_resources(FE, ResourceAmounts(cpu=1.0), expected=ResourceAmounts())


def test_a_refusal_of_the_server_names_the_field(server: Replay, fe: KubernetesClient) -> None:
    refusal = k8s("resources_patch_request_gt_limit").but(asked=ANYTHING)
    server.expect(deployment("stable"), refusal)
    with pytest.raises(TargetRefusedError, match=r"422 .*must be less than or equal to cpu limit"):
        fe.set_resources(FE, ResourceAmounts(cpu=3.0), expected=BEFORE)
