"""What the kubernetes backend sees of StatefulSets, and what it does to them."""

from typing import Any

import pytest

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.errors import TargetRefusedError
from receiver.backends.kubernetes.objects import (
    FE,
    HPA,
    Open,
    bodies,
    changed,
    hpas,
    k8s,
    stateful_set,
)
from receiver.replay import ANYTHING, Replay

SET = f"statefulset/{FE}"
#: A rollout whose first new pod is not ready.
UPDATING: dict[str, Any] = {
    "status__updateRevision": "fe-77aa",
    "status__updatedReplicas": 1,
    "status__readyReplicas": 2,
}
STRATEGY = "spec__updateStrategy__rollingUpdate"
PARTITION: dict[str, Any] = {**UPDATING, f"{STRATEGY}__partition": 2}


@pytest.mark.parametrize(
    ("paths", "settled", "words"),
    [
        ({}, True, (None, None)),
        ({"metadata__generation": 3}, False, ("has yet to see the last change", None)),
        (UPDATING, False, ("under way, 1 of 3 pods are new", None)),
        ({"status__readyReplicas": 2}, False, (None, None)),
        ({"status__replicas": 4}, False, (None, None)),
        ({"spec__updateStrategy": {"type": "OnDelete"}}, True, (None, "somebody deletes it")),
        (PARTITION, False, (None, "keeps pods below number 2")),
        ({**PARTITION, "status__readyReplicas": 3}, True, (None, "keeps pods below number 2")),
    ],
)
def test_a_stateful_set_is_described_by_its_revisions_and_ready_pods(
    server: Replay,
    fe: KubernetesClient,
    paths: dict[str, Any],
    settled: bool,
    words: tuple[str | None, str | None],
) -> None:
    server.expect(stateful_set(**paths))
    seen = fe.deployment(SET)
    assert (seen.replicas, seen.settled, seen.fault) == (3, settled, None)
    for found, part in zip((seen.changing, seen.paused), words, strict=True):
        assert (part in found) if part and found else found is part


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ({}, None),
        ({"spec__replicas": 0}, None),
        ({"spec__replicas": 1}, "stops all of its 1 pods"),
        ({f"{STRATEGY}__maxUnavailable": "100%"}, "stops all of its 3 pods"),
        ({f"{STRATEGY}__maxUnavailable": "10%"}, None),
        ({"spec__updateStrategy": {"type": "Recreate"}}, "stops all of its 3 pods"),
        ({"spec__podManagementPolicy": "OrderedReady"}, "never gets ready stays until somebody"),
    ],
)
def test_a_rollout_that_might_harm_a_stateful_set_is_told(
    server: Replay, opened: Open, paths: dict[str, Any], words: str | None
) -> None:
    server.expect(*[stateful_set(**paths)] * 2)
    unsafe = opened(server.url).deployment(SET).unsafe
    assert (words in unsafe) if words and unsafe else unsafe is words
    assert opened(server.url, unsafe_rollouts=True).deployment(SET).unsafe is None


def test_a_stateful_set_is_scaled_restarted_and_given_other_resources(
    server: Replay, fe: KubernetesClient
) -> None:
    look = stateful_set()
    patch = k8s("restart_patch").but(path=look.path, asked=ANYTHING)
    scale = patch.but(path=f"{look.path}/scale")
    server.expect(look, scale, look, look, patch, look, look, patch, look)
    fe.scale(SET, 4, expected=3)
    fe.restart(SET, "k1")
    fe.set_resources(SET, ResourceAmounts(cpu=4.0), expected=ResourceAmounts(cpu=2.0))
    version = {"resourceVersion": "88"}
    container = {"name": "fe", "resources": {"requests": {}, "limits": {"cpu": "4000m"}}}
    assert bodies(server, "PATCH") == [
        {"metadata": version, "spec": {"replicas": 4}},
        {
            "metadata": version,
            "spec": {"template": {"metadata": {"annotations": {"featurewatch/restart": "k1"}}}},
        },
        {"metadata": version, "spec": {"template": {"spec": {"containers": [container]}}}},
    ]


def test_a_stateful_set_whose_rollout_is_half_done_is_not_scaled(
    server: Replay, fe: KubernetesClient
) -> None:
    server.expect(stateful_set(**UPDATING))
    with pytest.raises(TargetRefusedError, match="1 of 3 pods are new"):
        fe.scale(SET, 4, expected=3)


def test_the_autoscaler_of_a_stateful_set_is_the_one_of_its_kind(
    server: Replay, opened: Open
) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": FE}
    mine = changed(HPA, metadata__name="mine", spec__scaleTargetRef=reference)
    server.expect(stateful_set(), hpas(HPA, mine))
    seen = opened(server.url, autoscalers=True).deployment(SET)
    assert seen.autoscaler == "HorizontalPodAutoscaler mine"


@pytest.mark.parametrize("name", ["replicaset/fe", "statefulset/", "statefulset/a/b", "/fe"])
def test_other_kinds_are_no_names_of_targets(
    server: Replay, fe: KubernetesClient, name: str
) -> None:
    with pytest.raises(TargetRefusedError, match="can't be the name of a"):
        fe.deployment(name)
    assert not server.sent


def test_a_deployment_may_be_named_with_its_kind(server: Replay, fe: KubernetesClient) -> None:
    server.expect(k8s("deployment_get_stable"))
    assert fe.deployment(f"deployment/{FE}").replicas == 2
