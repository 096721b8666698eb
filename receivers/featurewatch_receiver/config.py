"""What the receiver is told: the sections of config.yaml that it reads, and its own file.

`featurewatch generate` writes a `ReceiverConfig` to receivers/generated/receiver.yaml.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from featurewatch_receiver.configfile import Problem, load
from featurewatch_receiver.values import (
    Duration,
    File,
    Name,
    PositiveDuration,
    Strict,
    Text,
    Url,
    has_port,
)

ActionName = Literal[
    "scale_up_deployment",
    "scale_down_deployment",
    "restart_deployment",
    "clear_cache",
    "trigger_retraining",
    "optimize_resources",
]
# The actions that have code; the others can only be off.
AVAILABLE: frozenset[ActionName] = frozenset({"scale_up_deployment", "clear_cache"})


class Receiver(Strict):
    """Where the receiver listens, who may talk to it, and where it remembers."""

    listen: Annotated[
        str,
        Field(pattern=r"^[^\s:]+:\d{1,5}$", examples=["127.0.0.1:9099"]),
        AfterValidator(lambda address: has_port(address, lowest=0)),  # 0: any free port
    ]
    url: Url
    token_file: File
    database: Annotated[
        str, Field(pattern=r"^sqlite:///", examples=["sqlite:////var/lib/featurewatch/receiver.db"])
    ]
    runbook_file: Annotated[str, Field(min_length=1, examples=["docs/runbook.md"])]
    alertmanager_url: Url | None


class Action(Strict):
    """How one action is used."""

    mode: Annotated[Literal["auto", "off"], Field(examples=["off"])]
    cooldown: Duration


class ScaleAction(Action):
    """An action that changes the number of replicas."""

    scale_amount: Annotated[int, Field(ge=1, examples=[1])]


class Actions(Strict):
    """Every action of the project, by name."""

    scale_up_deployment: ScaleAction
    scale_down_deployment: ScaleAction
    restart_deployment: Action
    clear_cache: Action
    trigger_retraining: Action
    optimize_resources: Action

    def get(self, name: ActionName) -> Action:
        """Return the settings of the action `name`."""
        action: Action = getattr(self, name)
        return action


class Responses(Strict):
    """Switch, time limit and settings of automated responses."""

    enabled: Annotated[bool, Field(examples=[True])]
    timeout: PositiveDuration
    actions: Actions


class Target(Strict):
    """What may be touched for one extractor, and within which bounds."""

    backend: Name
    deployment: Name
    cache: Name
    model: Name
    min_replicas: Annotated[int, Field(ge=0, examples=[1])]
    max_replicas: Annotated[int, Field(ge=1, examples=[8])]


class HttpBackend(Strict):
    """A service with the admin API of docs/http-backend.md."""

    kind: Annotated[Literal["http"], Field(examples=["http"])]
    url: Url
    token_file: File | None
    request_timeout: PositiveDuration


class History(Strict):
    """How long episodes are kept."""

    max_days: Annotated[int, Field(ge=1, examples=[30])]


class ReceiverConfig(Strict):
    """Everything the receiver reads."""

    receiver: Receiver
    responses: Responses
    targets: dict[Text, Target]
    backends: dict[Name, HttpBackend]
    history: History
    # The response of each alert; an alert that is not listed is recorded and no more.
    alerts: dict[Name, ActionName | None]


def load_receiver_config(file: Path) -> ReceiverConfig:
    """Read and check the receiver's own file.

    Raises:
        ConfigError: with one line per fault.

    """
    return load([file], ReceiverConfig, check_remediation)


def check_remediation(
    config: ReceiverConfig,
) -> Iterator[Problem]:
    """Faults that no single key shows: references and bounds between sections."""
    yield from check_targets(config.targets, config.backends)
    yield from check_modes(config.responses)


def check_targets(
    targets: dict[str, Target], backends: dict[str, HttpBackend]
) -> Iterator[Problem]:
    """Each target names a backend that exists, and its bounds are in order."""
    for name, target in targets.items():
        path = ("targets", name)
        if target.backend not in backends:
            known = ", ".join(sorted(backends)) or "none yet: define one under 'backends'"
            message = f"no backend is named {target.backend!r}; write one of: {known}"
            yield Problem(path=(*path, "backend"), message=message)
        if target.min_replicas > target.max_replicas:
            message = f"is less than min_replicas; write {target.min_replicas} or more"
            yield Problem(path=(*path, "max_replicas"), message=message)


def check_modes(responses: Responses) -> Iterator[Problem]:
    """No action is switched on that has no code."""
    for name in Actions.model_fields:
        if responses.actions.get(name).mode != "off" and name not in AVAILABLE:  # type: ignore[arg-type]
            message = f"{name} is not available in this version; write 'mode: \"off\"'"
            yield Problem(path=("responses", "actions", name, "mode"), message=message)
