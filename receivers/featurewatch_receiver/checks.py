"""Loads the receiver's file, with the faults that no single key shows: those between sections."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from featurewatch_receiver.actions import actions
from featurewatch_receiver.backends import KINDS
from featurewatch_receiver.backends.faults import backend_faults, cache_faults, kind_faults
from featurewatch_receiver.config.backends import BackendConfig, HttpJobBackend
from featurewatch_receiver.config.file import Problem, load
from featurewatch_receiver.config.receiver import (
    GOOD_READINGS,
    VERIFY_AGAIN_SECONDS,
    ActionName,
    ReceiverConfig,
    Responses,
    RetrainAction,
    Target,
)
from featurewatch_receiver.config.values import seconds

Targets = dict[str, Target]
Backends = dict[str, BackendConfig]


def load_receiver_config(file: Path) -> ReceiverConfig:
    """Read and check the receiver's own file.

    Raises:
        ConfigError: with one line per fault.

    """
    return load([file], ReceiverConfig, check_remediation)


def check_remediation(config: ReceiverConfig) -> Iterator[Problem]:
    """Every fault between the sections of the receiver's own file."""
    yield from check_database(config.receiver.database)
    yield from check_targets(config.targets, config.backends)
    yield from check_actions(config.responses)
    yield from check_abilities(config.responses, config.targets, config.backends)
    looks = [seconds(alert.min_window) for alert in config.alerts.values() if alert.checks]
    yield from check_verification(config.responses, max(looks, default=0))
    known = config.responses.actions.names()
    for name, alert in config.alerts.items():
        yield from check_responses(("alerts", name, "responses"), alert.responses, known)


def check_database(url: str) -> Iterator[Problem]:
    """A password is in a file of its own; here it is not even repeated."""
    parts = urlsplit(url)
    if parts.password is not None or "password" in parse_qs(parts.query):
        message = "must hold no password; write it into a pgpass file, and add ?passfile=FILE"
        yield Problem(path=("receiver", "database"), message=message)


def check_targets(targets: Targets, backends: Backends) -> Iterator[Problem]:
    """Each target names backends that exist and know its cache, and its bounds are in order."""
    for name, settings in backends.items():
        yield from backend_faults(name, settings)
    for name, target in targets.items():
        path = ("targets", name)
        for key in ("backend", "cache_backend", "model_backend"):
            backend = getattr(target, key)
            if backend is not None and backend not in backends:
                known = ", ".join(sorted(backends)) or "none yet: define one under 'backends'"
                message = f"no backend is named {backend!r}; write one of: {known}"
                yield Problem(path=(*path, key), message=message)
        if target.backend in backends:
            named = ((*path, "deployment"), target.deployment, target.backend)
            yield from kind_faults(*named, backends[target.backend])
        holder = target.backend_of("cache_backend")
        if holder in backends:
            yield from cache_faults((*path, "cache"), target.cache, holder, backends[holder])
        if target.min_replicas > target.max_replicas:
            message = f"is less than min_replicas; write {target.min_replicas} or more"
            yield Problem(path=(*path, "max_replicas"), message=message)


def check_actions(responses: Responses) -> Iterator[Problem]:
    """Each action that has settings exists."""
    for name in responses.actions.names():
        if name not in actions():
            message = f"no action is named so; {_fix(name, actions())}"
            yield Problem(path=("responses", "actions", name), message=message)


def check_responses(
    path: tuple[str | int, ...], responses: list[ActionName], known: list[ActionName]
) -> Iterator[Problem]:
    """Each response of an alert is an action that has settings, and is named once."""
    for number, name in enumerate(responses):
        if name not in known:
            message = f"no action is named {name!r}; {_fix(name, known)}"
            yield Problem(path=path, message=message)
        elif name in responses[:number]:
            message = f"{name} is written twice; attempts.episode says how often it may run"
            yield Problem(path=path, message=message)


def check_abilities(
    responses: Responses, targets: Targets, backends: Backends
) -> Iterator[Problem]:
    """Each action that is on finds a backend that can do it at every target."""
    wanted = [name for name in responses.actions.names() if name in actions()]
    for name in wanted:
        if responses.actions.get(name).mode == "off":
            continue
        action = actions()[name]
        for extractor, target in targets.items():
            backend = target.backend_of(action.where)
            if backend in backends and not can(backends[backend], action.needs):
                key = action.where if getattr(target, action.where) else "backend"
                message = (
                    f"{name} is on, and a backend of kind {backends[backend].kind} can't do it; "
                    f"name one that can in {action.where}, or write 'mode: \"off\"' for {name}"
                )
                yield Problem(path=("targets", extractor, key), message=message)
    yield from _check_waiting(responses.actions.trigger_retraining, targets, backends)


def _check_waiting(
    training: RetrainAction, targets: Targets, backends: Backends
) -> Iterator[Problem]:
    """Who waits for the end of a run can look at it; else each would end as in_doubt."""
    if training.mode == "off" or not training.wait:
        return
    for name in sorted({target.backend_of("model_backend") for target in targets.values()}):
        backend = backends.get(name)
        if isinstance(backend, HttpJobBackend) and backend.status is None:
            message = (
                f"true, and runs of backends.{name} can't be looked at (status: null);"
                f" describe them in backends.{name}.status, or write 'wait: false'"
            )
            path = ("responses", "actions", "trigger_retraining", "wait")
            yield Problem(path=path, message=message)


def check_verification(responses: Responses, least: int) -> Iterator[Problem]:
    """Each action that is verified has the time for two looks over the least window, in seconds."""
    for name in responses.actions.names():
        verify = seconds(responses.actions.get(name).verify)
        if 0 < verify <= least + GOOD_READINGS * VERIFY_AGAIN_SECONDS:
            fix = f"write {2 * least}s or more, or 0s for no verification"
            message = f"is too short to see anything: values are read over {least} s; {fix}"
            yield Problem(path=("responses", "actions", name, "verify"), message=message)


def can(backend: BackendConfig, protocol: type) -> bool:
    """Whether a backend of this kind offers the protocol."""
    return issubclass(KINDS[backend.kind], protocol)


def _fix(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"write {close[0]}" if close else f"write one of: {', '.join(names)}"
