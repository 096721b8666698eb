"""What Ray Serve's REST API says about itself, and the configuration that changes it.

`GET /api/serve/applications/` gives for each application the configuration as it was deployed
and the effective one of each deployment; `PUT` takes the configurations of all of them at once.
Written for Ray 2.60.0.
"""

import copy
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pydantic

from featurewatch_receiver.backends.base import Deployment, ResourceAmounts
from featurewatch_receiver.backends.rest import short
from featurewatch_receiver.errors import TargetRefusedError

#: The variable whose change makes Ray Serve replace replicas; its value is the restart's key.
RESTART_VARIABLE = "FEATUREWATCH_RESTART"
AUTOSCALER = "Ray Serve autoscaling"
# What the dashboard shows a browser in place of an environment variable.
_REDACTED = "<redacted>"
_OPTIONS = "ray_actor_options"
#: In place of a number of replicas: autoscaling with Ray's own values.
_AUTO = "auto"
_SURGE = "max_surge_percent"

Json = dict[str, Any]


class Replica(pydantic.BaseModel):
    """One replica; STARTING, UPDATING, RECOVERING, RUNNING, STOPPING or PENDING_MIGRATION."""

    state: str


class Details(pydantic.BaseModel):
    """A deployment as it runs."""

    status: str
    message: str
    target_num_replicas: int
    #: The effective one: of the code, with what was deployed over it.
    deployment_config: Json
    replicas: list[Replica]


class Application(pydantic.BaseModel):
    """An application."""

    status: str
    message: str
    source: str = "declarative"
    #: As it was deployed; None for one that `serve.run` deployed.
    deployed_app_config: Json | None
    external_scaler_enabled: bool = False
    #: Empty while the application is built, and when that failed.
    deployments: dict[str, Details]


class Instance(pydantic.BaseModel):
    """Everything that Ray Serve runs."""

    proxy_location: str | None = None
    http_options: Json | None = None
    grpc_options: Json | None = None
    target_capacity: float | None = None
    applications: dict[str, Application]


@dataclass(frozen=True)
class ServeView:
    """One deployment within everything."""

    instance: Instance
    application: str
    name: str

    @property
    def app(self) -> Application:
        """Its application.

        Raises:
            TargetRefusedError: there is no such application.

        """
        apps = self.instance.applications
        if self.application not in apps:
            there = ", ".join(sorted(apps)) or "none; is Serve running?"
            raise TargetRefusedError(f"no application {self.application!r}; there are: {there}")
        return apps[self.application]

    @property
    def details(self) -> Details | None:
        """How it runs; None when the last deployment of the application failed early.

        Raises:
            TargetRefusedError: it can't be seen now, or is not there.

        """
        app = self.app
        if self.name in app.deployments:
            return app.deployments[self.name]
        if app.deployments:
            there = ", ".join(sorted(app.deployments))
            raise TargetRefusedError(f"no deployment {self.name!r}; there are: {there}")
        if app.status != "DEPLOY_FAILED":
            raise TargetRefusedError(f"application {self.application} is {app.status}")
        return None

    @property
    def effective(self) -> Json:
        """Its configuration as it runs; without that, what was deployed."""
        return self.details.deployment_config if self.details else self._entry()

    @property
    def restart_key(self) -> str | None:
        """The value of RESTART_VARIABLE."""
        runtime = (self.effective.get(_OPTIONS) or {}).get("runtime_env") or {}
        key = (runtime.get("env_vars") or {}).get(RESTART_VARIABLE)
        return key and str(key)

    @property
    def resources(self) -> ResourceAmounts:
        """What each replica reserves."""
        options = self.effective.get(_OPTIONS) or {}
        cpu, memory = options.get("num_cpus"), options.get("memory")
        return ResourceAmounts(
            cpu=None if cpu is None else float(cpu), memory=None if memory is None else int(memory)
        )

    @property
    def knows_surge(self) -> bool:
        """Whether this version can start new replicas before it stops old ones."""
        return _SURGE in self.effective

    def deployment(self) -> Deployment:
        """Return it as every backend shows it.

        Raises:
            TargetRefusedError: it can't be seen.

        """
        scaling = self.effective.get("autoscaling_config") or {}
        running = [each for each in self._replicas() if each.state == "RUNNING"]
        return Deployment(
            replicas=self._target(),
            ready_replicas=len(running),
            generation=self._generation(),
            settled=self._settled(len(running)),
            fault=self._fault(),
            restart_key=self.restart_key,
            autoscaler=AUTOSCALER if scaling else None,
            autoscaler_min=scaling.get("min_replicas"),
            autoscaler_max=scaling.get("max_replicas"),
            resources=self.resources,
        )

    def scaled(self, setpoint: int) -> Json:
        """The whole configuration with another number of replicas."""
        if not self.effective.get("autoscaling_config"):
            return self._configuration({"num_replicas": setpoint})
        scaling = self._entry().get("autoscaling_config")
        if scaling is None:  # adding it there would restart every deployment of the application
            raise TargetRefusedError(self._why_no_bound())
        return self._configuration({"autoscaling_config": scaling | {"min_replicas": setpoint}})

    def restarted(self, key: str | None, surge: int) -> Json:
        """The whole configuration with another key; None for no key."""
        options = self._options()
        runtime = options.pop("runtime_env", None) or {}
        variables = runtime.pop("env_vars", None) or {}
        variables.pop(RESTART_VARIABLE, None)
        if key is not None:
            variables[RESTART_VARIABLE] = key
        if variables:
            runtime["env_vars"] = variables
        if runtime:
            options["runtime_env"] = runtime
        return self._configuration({_OPTIONS: options} | self._surging(surge))

    def given(self, wanted: ResourceAmounts, surge: int) -> Json:
        """The whole configuration with other resources."""
        options = self._options()
        for option, amount in (("num_cpus", wanted.cpu), ("memory", wanted.memory)):
            options.pop(option, None)
            if amount is not None:
                options[option] = amount
        return self._configuration({_OPTIONS: options} | self._surging(surge))

    def _why_no_bound(self) -> str:
        if self._entry().get("num_replicas") == _AUTO:
            return (
                f"num_replicas of {self.name} is {_AUTO} alone; write 'autoscaling_config: "
                "{min_replicas: 1}' beside it in the Serve config"
            )
        return (
            f"the autoscaling of {self.name} is set in its code; "
            "write its autoscaling_config into the Serve config"
        )

    def _replicas(self) -> list[Replica]:
        return self.details.replicas if self.details else []

    def _target(self) -> int:
        if self.details:
            return self.details.target_num_replicas
        replicas = self._entry().get("num_replicas")
        if not isinstance(replicas, int):
            raise TargetRefusedError(f"application {self.application} failed: {self._fault()}")
        return replicas

    def _settled(self, running: int) -> bool:
        """As Ray itself counts, and none that starts or stops besides."""
        if not self.details or self.details.status != "HEALTHY" or self.app.status == "DEPLOYING":
            return False
        return running == len(self.details.replicas) == self.details.target_num_replicas

    def _fault(self) -> str | None:
        failed = self.details or self.app
        if failed.status != "DEPLOY_FAILED":
            return None
        lines = (failed.message or self.app.message).strip().splitlines()
        return short(lines[-1]) if lines else "DEPLOY_FAILED"  # before it stands a traceback

    def _generation(self) -> str:
        state = json.dumps([self.effective, self._target()], sort_keys=True)
        return hashlib.sha256(state.encode()).hexdigest()[:16]

    def _entry(self) -> Json:
        """What was deployed for it; often less than the effective configuration."""
        config = self.app.deployed_app_config or {}
        entries = config.get("deployments") or []
        found: Json = next((each for each in entries if each.get("name") == self.name), {})
        return found

    def _options(self) -> Json:
        """Its complete options: those given replace those of the code."""
        return copy.deepcopy(self._entry().get(_OPTIONS) or self.effective.get(_OPTIONS) or {})

    def _surging(self, surge: int) -> Json:
        return {_SURGE: surge} if surge and self.knows_surge else {}

    def _configuration(self, fields: Json) -> Json:
        """Everything as it is, but for some fields of this deployment.

        Raises:
            TargetRefusedError: it would change or delete something else.

        """
        self._check_round_trip()
        apps = {
            name: copy.deepcopy(app.deployed_app_config)
            for name, app in self.instance.applications.items()
            if app.deployed_app_config is not None
        }
        mine = apps[self.application]
        assert mine is not None  # noqa: S101  # _check_round_trip has seen to it
        if self.app.external_scaler_enabled and self.details:
            # Else the change would set back what the scaler endpoint has set.
            fields = {"num_replicas": self.details.target_num_replicas} | fields
        entries = mine.setdefault("deployments", [])
        if not self._entry():
            entries.append({"name": self.name})
        next(each for each in entries if each["name"] == self.name).update(fields)
        options = self.instance.model_dump(
            include={"proxy_location", "http_options", "grpc_options"}
        )
        given = {name: value for name, value in options.items() if value is not None}
        body = {"applications": list(apps.values()), **given}
        if _REDACTED in json.dumps(body):
            raise TargetRefusedError(
                f"the configuration shows {_REDACTED} instead of values: putting it would lose them"
            )
        return body

    def _check_round_trip(self) -> None:
        if self.app.deployed_app_config is None:
            raise TargetRefusedError(
                f"application {self.application} was deployed by serve.run, which REST can't "
                "change; deploy it from a Serve config file"
            )
        if self.instance.target_capacity is not None:
            raise TargetRefusedError(
                f"target_capacity is {self.instance.target_capacity:g}: "
                "the whole cluster is being rolled out"
            )
        for name, app in self.instance.applications.items():
            lost = app.deployed_app_config is None and app.source != "imperative"
            if lost or app.status == "DELETING":
                raise TargetRefusedError(f"application {name} is {app.status}; nothing can be put")
