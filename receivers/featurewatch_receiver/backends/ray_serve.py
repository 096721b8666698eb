"""The `ray_serve` backend: deployments of one Ray Serve application, through the dashboard's REST.

Replicas are scaled by the external scaler endpoint where the application has it switched on.
Everything else is a `PUT` of all configurations at once, read just before (docs/backends.md).
"""

import time
from collections import defaultdict
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import quote

import pydantic

from featurewatch_receiver.backends.base import Deployment, ResourceAmounts
from featurewatch_receiver.backends.ray_serve_state import Instance, ServeView
from featurewatch_receiver.backends.rest import Rest
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import RayServeBackend as Settings
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetChangedError,
    TargetRefusedError,
    TargetSilentError,
)

APPLICATIONS = "/api/serve/applications/"
NODES = "/api/v0/nodes"
# A replica takes about 700 bytes of the answer.
MAX_ANSWER_BYTES = 16 * 1024 * 1024
# Ray Serve takes up a change within 0.15 s; its controller looks every 0.1 s.
LOOK_AGAIN_SECONDS = 0.1
# Of two that read, change and put at the same time, the first one's change would be lost.
_writers: defaultdict[str, Lock] = defaultdict(Lock)


class _Node(pydantic.BaseModel):
    state: str
    #: Memory in bytes.
    resources_total: dict[str, float]


class _NodeList(pydantic.BaseModel):
    result: list[_Node]


class _NodeData(pydantic.BaseModel):
    result: _NodeList


class NodesAnswer(pydantic.BaseModel):
    """The answer of Ray's state API about nodes."""

    data: _NodeData


class RayServeClient:
    """Speaks to one dashboard. It is Deployments and Resources."""

    def __init__(self, settings: Settings, token: str | None, deadline: Deadline):
        self._application = settings.application
        self._surge = settings.max_surge_percent
        self._timeout = seconds(settings.request_timeout)
        self._writer = _writers[settings.url]
        self._rest = Rest(
            settings.url,
            timeout=self._timeout,
            token=token,
            deadline=deadline,
            max_bytes=MAX_ANSWER_BYTES,
        )

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment."""
        return self._view(name).deployment()

    def scale(self, name: str, setpoint: int, *, expected: int) -> Deployment:
        """Set the number of replicas, or the lower bound of Ray Serve's autoscaling."""
        with self._writer:
            view = self._view(name)
            seen = view.deployment()
            _check_setpoint(seen, setpoint)
            if seen.setpoint == setpoint:
                return seen
            if seen.setpoint != expected:
                raise TargetChangedError(f"{name}: {seen.setpoint} replicas instead of {expected}")
            if view.app.external_scaler_enabled:
                self._post_scale(name, setpoint)
            else:
                self._put(view.scaled(setpoint))
            return self._shown(name, lambda now: now.setpoint == setpoint)

    def restart(self, name: str, key: str) -> Deployment:
        """Replace every replica by setting a variable of its environment to the key."""
        return self._restart(name, key)

    def undo_restart(self, name: str, previous_key: str | None) -> Deployment:
        """Set the variable back, or take it away; replicas that do not have the new one stay."""
        return self._restart(name, previous_key)

    def _restart(self, name: str, key: str | None) -> Deployment:
        with self._writer:
            view = self._view(name)
            if view.restart_key == key:
                return view.deployment()
            self._put(view.restarted(key, self._surge))
            return self._shown(name, lambda now: now.restart_key == key)

    def set_resources(
        self, name: str, wanted: ResourceAmounts, *, expected: ResourceAmounts
    ) -> Deployment:
        """Reserve other amounts for each replica; Ray replaces all of them."""
        with self._writer:
            view = self._view(name)
            if view.resources == wanted:
                return view.deployment()
            if view.resources != expected:
                raise TargetChangedError(f"{name}: {view.resources} instead of {expected}")
            self._check_surge(view)
            self._check_nodes(wanted, view.resources)
            self._put(view.given(wanted, self._surge))
            return self._shown(name, lambda now: now.resources == wanted)

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()

    def _view(self, name: str) -> ServeView:
        answer = self._rest.call("GET", APPLICATIONS)
        answer.demand_ok()
        return ServeView(answer.read(Instance), self._application, name)

    def _put(self, configuration: dict[str, Any]) -> None:
        self._rest.call("PUT", APPLICATIONS, json=configuration).demand_ok()

    def _post_scale(self, name: str, replicas: int) -> None:
        path = f"/api/v1/applications/{_part(self._application)}/deployments/{_part(name)}/scale"
        self._rest.call("POST", path, json={"target_num_replicas": replicas}).demand_ok()

    def _shown(self, name: str, is_shown: Callable[[Deployment], bool]) -> Deployment:
        """Look until the change is shown, or for one timeout: it is taken up a moment later."""
        limit = Deadline(self._timeout)
        while True:
            try:
                now = self.deployment(name)
                if is_shown(now) or now.fault or limit.left() < 0:
                    return now
            except TargetRefusedError as error:
                if limit.left() < 0:
                    raise TargetSilentError(f"told, and can't be seen since: {error}") from error
            time.sleep(LOOK_AGAIN_SECONDS)

    def _check_surge(self, view: ServeView) -> None:
        if self._surge and not view.knows_surge:
            raise TargetRefusedError(
                "this version of Ray Serve stops replicas before their successors run, and they "
                "may not fit; write max_surge_percent: 0 to accept that"
            )

    def _check_nodes(self, wanted: ResourceAmounts, seen: ResourceAmounts) -> None:
        """Refuse what no node could ever hold; whether it is free, Ray does not say."""
        if (wanted.cpu or 0) <= (seen.cpu or 0) and (wanted.memory or 0) <= (seen.memory or 0):
            return
        answer = self._rest.call("GET", NODES)
        try:
            answer.demand_ok()
            nodes = answer.read(NodesAnswer).data.result.result
        except (TargetRefusedError, TargetAnswerInvalidError):
            return  # a dashboard without the state API
        if not any(_holds(node, wanted) for node in nodes if node.state == "ALIVE"):
            raise TargetRefusedError(f"no node of the cluster is large enough for {wanted}")


def _holds(node: _Node, wanted: ResourceAmounts) -> bool:
    total = node.resources_total
    return (wanted.cpu or 0) <= total.get("CPU", 0) and (wanted.memory or 0) <= total.get(
        "memory", 0
    )


def _check_setpoint(seen: Deployment, setpoint: int) -> None:
    """Refuse what Ray would take and then hang on: 0 replicas, or a bound above the other one."""
    lowest = 0 if seen.autoscaler else 1
    if setpoint < lowest:
        raise TargetRefusedError(f"{setpoint} replicas: the least is {lowest}")
    if seen.autoscaler_max is not None and setpoint > seen.autoscaler_max:
        raise TargetRefusedError(f"{setpoint} replicas: max_replicas is {seen.autoscaler_max}")


def _part(name: str) -> str:
    return quote(name, safe="")
