"""The `kubernetes` backend; it needs the package kubernetes, an extra of the receiver."""

from featurewatch_receiver.backends.kubernetes.backend import KubernetesClient

__all__ = ["KubernetesClient"]
