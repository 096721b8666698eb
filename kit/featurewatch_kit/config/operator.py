"""The section `operator` of config.yaml: what Kubernetes wants to know besides.

Patterns and lengths are those of Kubernetes for names and labels.
"""

from typing import Annotated

from pydantic import Field

from featurewatch_receiver.config.values import Strict

_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_VALUE = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY = rf"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_VALUE}$"

ObjectName = Annotated[str, Field(pattern=_NAME, max_length=63, examples=["monitoring"])]
PortName = Annotated[str, Field(pattern=_NAME, max_length=15, examples=["metrics"])]
LabelKey = Annotated[str, Field(pattern=_KEY, examples=["release"])]
LabelValue = Annotated[
    str, Field(pattern=rf"^({_VALUE})?$", max_length=63, examples=["kube-prometheus-stack"])
]


class Service(Strict):
    """A Kubernetes Service to scrape, by its label app.kubernetes.io/name, and its port's name."""

    name: ObjectName
    port: PortName


class Services(Strict):
    """What is scraped."""

    extractors: Service
    receiver: Service


class Operator(Strict):
    """Place and labels of the generated resources."""

    namespace: ObjectName
    labels: dict[LabelKey, LabelValue]
    secret: ObjectName
    services: Services
