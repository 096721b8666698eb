"""The Roles grant what the backend calls, and nothing besides."""

import re
from collections.abc import Callable

import pytest

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from receiver.backends.kubernetes.manifests import folder
from receiver.backends.kubernetes.objects import (
    BEFORE,
    CRONJOB,
    FE,
    HPA,
    HPAS,
    NO_ROLLOUTS,
    NO_SCALED_OBJECTS,
    RUN,
    SCALED_OBJECT,
    Open,
    changed,
    deployment,
    hpas,
    k8s,
    pod,
    pods,
    stateful_set,
)
from receiver.replay import ANYTHING, Exchange, Replay

#: apiGroup, resource, verb, and whether the request names an object.
Right = tuple[str, str, str, bool]

_PATH = re.compile(r"/apis?/(?:([^/]+)/)?[^/]+/namespaces/features/([^/?]+)(?:/([^/?]+))?(/[^?]+)?")
_VERBS = {"PATCH": "patch", "POST": "create"}


def right(method: str, path: str) -> Right:
    """What an API server demands for a request."""
    match = _PATH.match(path)
    assert match, path
    group, resource, name, sub = match.groups()
    verb = _VERBS.get(method) or ("get" if name else "list")
    return (group or "", resource + (sub or ""), verb, bool(name))


def granted() -> set[Right]:
    """The rules, one by one; a rule without names counts for each object."""
    return {
        (group, resource, verb, "resourceNames" in rule)
        for each in folder("access")
        if each["kind"] == "Role"
        for rule in each["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def patched(path: str) -> Exchange:
    return k8s("scale_patch_ok").but(path=path, asked=ANYTHING)


@pytest.fixture
def tour(server: Replay, opened: Open) -> dict[str, Callable[[], object]]:
    """Each verb of the backend, with the answers it needs, by name."""
    look, change = deployment("stable"), k8s("restart_patch").but(asked=ANYTHING)
    owner = {"kind": "ScaledObject", "name": "fe", "controller": True}
    keda = hpas(changed(HPA, metadata__ownerReferences=[owner]))
    path = "/apis/keda.sh/v1alpha1/namespaces/features/scaledobjects/fe"
    scaled = hpas().but(path=path, answer=changed(SCALED_OBJECT, metadata__name="fe"))
    fe, scaler = opened(server.url), opened(server.url, autoscalers=True)
    running = opened(server.url, in_place=True)
    resize = change.but(path="/api/v1/namespaces/features/pods/a/resize")

    def verb(*answers: Exchange, call: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            server.expect(*answers)
            return call()

        return run

    one, named = stateful_set(), f"statefulset/{FE}"
    rise = ResourceAmounts(cpu=4.0, memory=BEFORE.memory)
    scale = k8s("scale_patch_ok").but(asked=ANYTHING)
    create = k8s("job_create").but(asked=ANYTHING)
    return {
        "deployment": verb(look, call=lambda: fe.deployment(FE)),
        "scale": verb(look, scale, look, call=lambda: fe.scale(FE, 4, expected=2)),
        "scale (HorizontalPodAutoscaler)": verb(
            *(look, hpas(HPA), NO_ROLLOUTS, patched(f"{HPAS}/fe"), look, hpas(HPA)),
            call=lambda: scaler.scale(FE, 3, expected=1),
        ),
        "scale (ScaledObject)": verb(
            *(look, keda, scaled, NO_ROLLOUTS, patched(path), look, keda, scaled),
            call=lambda: scaler.scale(FE, 3, expected=0),
        ),
        "deployment (StatefulSet)": verb(one, call=lambda: fe.deployment(named)),
        "scale (StatefulSet)": verb(
            *(one, patched(f"{one.path}/scale"), one),
            call=lambda: fe.scale(named, 4, expected=3),
        ),
        "restart (StatefulSet)": verb(
            *(one, patched(one.path), one), call=lambda: fe.restart(named, "k")
        ),
        "deployment (neither)": verb(
            *(look, hpas(), NO_SCALED_OBJECTS), call=lambda: scaler.deployment(FE)
        ),
        "restart": verb(look, change, look, call=lambda: fe.restart(FE, "k")),
        "undo_restart": verb(look, change, look, call=lambda: fe.undo_restart(FE, "k")),
        "set_resources": verb(
            look, change, look, call=lambda: fe.set_resources(FE, rise, expected=BEFORE)
        ),
        "set_resources (in place)": verb(
            *(look, change, pods(pod("a")), resize, change, look, pods()),
            call=lambda: running.set_resources(FE, rise, expected=BEFORE),
        ),
        "start_training": verb(CRONJOB, create, call=lambda: fe.start_training("retrain", RUN, {})),
        "training": verb(k8s("job_get_active"), call=lambda: fe.training("retrain", RUN)),
    }


def test_the_tour_has_every_verb_of_the_backend(tour: dict[str, Callable[[], object]]) -> None:
    public = {name for name in vars(KubernetesClient) if not name.startswith("_")} - {"close"}
    assert {name.partition(" ")[0] for name in tour} == public


def test_the_roles_grant_exactly_what_the_verbs_call(
    server: Replay, tour: dict[str, Callable[[], object]]
) -> None:
    for run in tour.values():
        run()
    called = {right(sent.method, sent.path) for sent in server.sent}
    # Names of runs and pods are made up: a rule can't have them.
    unnamed = {("batch", "jobs", "get", True), ("batch", "jobs", "get", False)}
    unnamed |= {("", "pods/resize", "patch", True), ("", "pods/resize", "patch", False)}
    assert called - unnamed == granted() - unnamed
    assert called & unnamed
    assert granted() & unnamed
