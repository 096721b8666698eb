"""The section `scrape` of config.yaml: where Prometheus finds what it scrapes."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from featurewatch_kit.config.alerts import Switch
from featurewatch_kit.config.operator import ObjectName, PortName
from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.values import Line, Strict, has_port

Address = Annotated[
    str,
    Field(pattern=r"^[^\s/:]+:\d{1,5}$|^\[[0-9a-fA-F:.]+\]:\d{1,5}$", examples=["localhost:9101"]),
    AfterValidator(has_port),
]
# As Prometheus checks it: one * at most, and in the last part.
TargetFile = Annotated[
    str, Field(pattern=r"^[^*]*(\*[^/]*)?\.(json|ya?ml)$", examples=["/etc/prometheus/sd/*.json"])
]
# What makes a regular expression of a name.
_PATTERN = re.compile(r"[*+?()\[\]{}|^$\\]")


class Kubernetes(Strict):
    """Pods, by a label selector or by annotations."""

    enabled: Switch
    namespaces: list[ObjectName]
    selector: Annotated[str | None, Field(min_length=1, examples=["app=feature-extraction"])]
    port: PortName


class Ray(Strict):
    """Metrics endpoints of Ray's nodes."""

    targets: list[Address]
    files: list[TargetFile]


class Scrape(Strict):
    """Every way to find services, and what else is in prometheus.yaml."""

    job: Line | None
    receiver_job: Line | None
    targets: list[Address]
    files: list[TargetFile]
    kubernetes: Kubernetes
    ray: Ray
    rule_files: Annotated[list[Line], Field(min_length=1, examples=[["/etc/prometheus/*.yaml"]])]
    alertmanagers: list[Address]


def check_jobs(scrape: Scrape, jobs: dict[str, str]) -> Iterator[Problem]:
    """The label that a job gets is one that the rules look for.

    `jobs` has their regular expressions by the name of the key here: job, receiver_job.
    """
    for key, pattern in jobs.items():
        name = getattr(scrape, key)
        if name is None and _PATTERN.search(pattern):
            message = f"metrics.{key} is a pattern, {pattern}; write the name of this job"
            yield Problem(path=("scrape", key), message=message)
        if name is not None and not re.fullmatch(pattern, name):
            message = f"{name} is not matched by metrics.{key}, {pattern}; write a name that is"
            yield Problem(path=("scrape", key), message=message)
