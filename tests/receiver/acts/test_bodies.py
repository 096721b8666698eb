"""Requests made of the description do every act on what is really there.

The fuzz of test_api_description.py sends whatever the description allows, mostly at something that
is in no state for it. Here each act finds what it is about, on a worker and a real Alertmanager.
"""

from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from typing import Any

import pytest
import schemathesis
from schemathesis import GenerationMode
from waiting import eventually

from featurewatch_receiver.web.api import CALLS
from featurewatch_receiver.web.calls import PREFIX
from featurewatch_receiver.web.openapi import path_of
from receiver.api import WHY, Api
from receiver.in_process import Receiver
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json, alert
from receiver.people import RESPONDER
from receiver.web.test_openapi import CHECKS, DOCUMENT, examples

#: What no description can tell: why, and what there is.
SAID: Json = WHY | {"action": "clear_cache", "extractor": "feature_extractor", "episode_id": None}
ACTS = {f"{call.method} {path_of(call)}" for call in CALLS if call.method == "POST"}


class Scene:
    """Brings about what each act is for; the ids of it."""

    def __init__(self, receiver: Receiver, live: LiveAlertmanager) -> None:
        self._receiver = receiver
        self._live = live
        self._api = Api(receiver)
        self._shards = count()

    def begin(self, **labels: str) -> None:
        """Let an alert fire, and be told."""
        self._live.fire(1, **labels)
        labels = LATENCY | labels
        self._receiver.deliver(alert(labels.pop("alertname"), **labels))

    def ids(self, operation: str) -> Json:
        if operation.endswith("/unacknowledge"):
            self._api.do(f"/episodes/{self._fires()}/acknowledge")
        if operation.endswith("/unsilence"):
            self._api.do(f"/episodes/{self._fires()}/silence")
        if "{episode_id}" in operation:
            return {"episode_id": self._fires()}
        if "{remediation_id}" in operation:
            return {"remediation_id": self._waits()}
        if "{lease_id}" in operation:
            return {"lease_id": self._open_lease()}
        return {}

    def _fires(self) -> str:
        (found,) = self._api.read("/alerts", extractor="extractor")["alerts"]
        return str(found["id"])

    def _waits(self) -> str:
        # A target that is at work has a guard of its own.
        eventually(lambda: not self._rows("planned", "running", "verifying"))
        if not self._rows("awaiting_approval"):
            self.begin(extractor="feature_extractor", shard=str(next(self._shards)))
        return str(eventually(lambda: self._rows("awaiting_approval"))[0]["id"])

    def _rows(self, *states: str) -> list[Json]:
        found: list[Json] = self._api.read("/remediations", state=list(states))["remediations"]
        return found

    def _open_lease(self) -> str:
        return str(eventually(lambda: self._api.read("/leases", open="true")["leases"])[0]["id"])


@pytest.fixture
def receiver(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> Receiver:
    """A receiver whose scaling waits for an approval."""
    scaling = settings["responses"]["actions"]["scale_up_deployment"]
    scaling |= {"mode": "approve", "cooldown": "0s", "lease": "30m"}
    settings["receiver"]["alertmanager_url"] = live.url
    return make_receiver()


@pytest.mark.timeout(120)
def test_every_act_of_the_description_is_done_where_it_can_be(
    receiver: Receiver, live: LiveAlertmanager
) -> None:
    app = receiver.client.application
    schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/{DOCUMENT}", app, headers=RESPONDER)
    operations = [result.ok() for result in schema.get_all_operations()]
    # All before the worker starts, whose thread draws random numbers as well.
    cases = {one.label: examples(one, GenerationMode.POSITIVE) for one in operations}
    receiver.start()
    scene = Scene(receiver, live)
    scene.begin(extractor="extractor")
    done = {label: sent(label, of, scene) for label, of in cases.items() if label in ACTS}
    assert done == dict.fromkeys(ACTS, True)


def sent(label: str, cases: list[Any], scene: Scene) -> bool:
    """Whether one of the operation's examples is done; each must be answered as described."""
    for case in cases:
        case.path_parameters = scene.ids(label)
        case.body = case.body | {name: SAID[name] for name in case.body if name in SAID}
        response = case.call(headers=RESPONDER)
        case.validate_response(response, checks=CHECKS)
        if response.status_code in (HTTPStatus.OK, HTTPStatus.CREATED):
            return True
    return False
