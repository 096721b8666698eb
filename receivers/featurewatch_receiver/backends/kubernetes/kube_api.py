"""One call to an API server: bounded in time, never repeated, and its failures in our words."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pydantic
import yaml
from kubernetes.client import (
    ApiClient,
    AppsV1Api,
    BatchV1Api,
    Configuration,
    CoreV1Api,
    CustomObjectsApi,
)
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from urllib3 import exceptions as network

from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.backends.kubernetes.refusals import (
    ExistsError,
    KubernetesConflictError,
    KubernetesMissingError,
    UnservedError,
)
from featurewatch_receiver.backends.rest import LAST_LOOK_SECONDS, short
from featurewatch_receiver.clients import bounded
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
    TargetUnreadyError,
)
from featurewatch_receiver.version import VERSION

#: A list of autoscalers can be long; etcd holds no object above 1.5 MB.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Who changed what, in managedFields.
_FIELD_MANAGER = "featurewatch-receiver"
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY_REQUESTS = 429
# What an authorizer says, and no other refusal.
_RIGHT = re.compile(r'User "[^"]*" cannot ')
_SERVER_ERRORS = 500
# What happens before a request is on its way.
_NOT_SENT = (network.NewConnectionError, network.ConnectTimeoutError, network.SSLError)

Shape = TypeVar("Shape", bound=pydantic.BaseModel)


class Api:
    """A session with one API server, during one step of one remediation.

    Proxies of the environment are not used, only one that the kubeconfig names. Credentials that
    are refused are read again before the next call: they may have been renewed.

    Raises:
        TargetUnreachableError: there are no credentials.

    """

    def __init__(self, settings: Settings, deadline: Deadline):
        self._settings = settings
        self._timeout = seconds(settings.request_timeout)
        self._deadline = deadline
        self._client = _client(settings)
        self._renewed = False

    @property
    def apps(self) -> AppsV1Api:
        """Deployments."""
        return AppsV1Api(self._fresh())

    @property
    def batch(self) -> BatchV1Api:
        """CronJobs and Jobs."""
        return BatchV1Api(self._fresh())

    @property
    def core(self) -> CoreV1Api:
        """Pods."""
        return CoreV1Api(self._fresh())

    @property
    def custom(self) -> CustomObjectsApi:
        """Objects of any kind, as they are."""
        return CustomObjectsApi(self._fresh())

    def call(
        self, what: str, shape: type[Shape], verb: Callable[..., Any], *names: str, **options: Any
    ) -> Shape:
        """Call a method of the client and return its answer; `what` is for messages.

        Raises:
            TargetError: it failed.

        """
        timeout = float(min(self._timeout, max(self._deadline.left(), LAST_LOOK_SECONDS)))
        options |= {"_request_timeout": timeout, "_preload_content": False}
        end = time.monotonic() + timeout
        try:
            body = bounded.body_of(verb(*names, **options), end, MAX_ANSWER_BYTES)
        except ApiException as error:
            self._renewed = error.status == _UNAUTHORIZED
            raise _refusal(f"kubernetes: {what}", error) from error
        except bounded.TooLongError as error:
            most = MAX_ANSWER_BYTES >> 20
            message = f"kubernetes: {what}: the answer exceeds {most} MiB"
            raise TargetAnswerInvalidError(message) from error
        except (network.HTTPError, TimeoutError) as error:
            raise _broken(f"kubernetes: {what}", error, timeout) from error
        return _read(f"kubernetes: {what}", shape, body)

    def write(
        self, what: str, shape: type[Shape], verb: Callable[..., Any], *names: str, body: Any
    ) -> Shape:
        """Call a method that changes something, and return its answer.

        Raises:
            TargetError: it failed.

        """
        return self.call(what, shape, verb, *names, body=body, field_manager=_FIELD_MANAGER)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _fresh(self) -> ApiClient:
        if self._renewed:
            self.close()
            self._client = _client(self._settings)
            self._renewed = False
        return self._client


def _client(settings: Settings) -> ApiClient:
    client = ApiClient(_configuration(settings))
    bounded.bound(client.rest_client.pool_manager)
    client.user_agent = f"featurewatch-receiver/{VERSION}"
    return client


def _configuration(settings: Settings) -> Configuration:
    configuration = Configuration()
    configuration.proxy = None
    configuration.retries = 0  # nor is a redirect followed
    try:
        if settings.kubeconfig is None:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        else:
            load_kube_config(  # type: ignore[no-untyped-call]
                config_file=settings.kubeconfig,
                context=settings.context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (ConfigException, OSError, yaml.YAMLError) as error:
        source = settings.kubeconfig or "the pod's ServiceAccount"
        message = f"kubernetes: {source} gives no access ({short(str(error))})"
        raise TargetUnreachableError(message) from error
    _trim_tokens(configuration)
    return configuration


def _trim_tokens(configuration: Configuration) -> None:
    """A token's file may end with a line break, which no header may have."""
    read = configuration.refresh_api_key_hook

    def trimmed(configuration: Configuration) -> None:
        if read:
            read(configuration)
        keys = configuration.api_key
        configuration.api_key = {name: key.strip() for name, key in keys.items()}
        # What reads them puts itself in here.
        configuration.refresh_api_key_hook = trimmed  # type: ignore[assignment]

    configuration.refresh_api_key_hook = trimmed  # type: ignore[assignment]


def _read(what: str, shape: type[Shape], body: bytes) -> Shape:
    try:
        return shape.model_validate_json(body)
    except pydantic.ValidationError as error:
        fault = pydantic_errors.sentence(error)
        raise TargetAnswerInvalidError(f"{what}: answered {short(body)} ({fault})") from error


def _refusal(what: str, error: ApiException) -> TargetError:
    """Take the server's own sentence; where a right is missing it names the right.

    A quota, an admission policy and a namespace that is being deleted are 403 as well. For about
    half a second after its start an API server knows no rights yet.
    """
    reason, message = _status(error)
    text = f"{what}: answered {error.status} {message}"
    if not error.status:
        return TargetUnreachableError(f"{what}: no connection ({message})")
    if error.status == _TOO_MANY_REQUESTS or error.status >= _SERVER_ERRORS:
        return TargetSilentError(text)
    if error.status == _UNAUTHORIZED:
        return TargetUnreadyError(text)
    if reason == "Forbidden" and _RIGHT.search(message):
        return TargetUnreadyError(f"{text}; grant it in the Role (docs/backends.md)")
    if error.status == _NOT_FOUND and not reason:
        return UnservedError(text)
    kinds = {
        "Conflict": KubernetesConflictError,
        "AlreadyExists": ExistsError,
        "NotFound": KubernetesMissingError,
    }
    return kinds.get(reason, TargetRefusedError)(text)


def _status(error: ApiException) -> tuple[str, str]:
    """Reason and message of the Status object, or what came in place of one."""
    try:
        status = json.loads(error.body or "")
        return str(status["reason"]), short(str(status["message"]), longest=400)
    except (ValueError, KeyError, TypeError):
        return "", short(error.body or error.reason or "")


def _broken(what: str, error: network.HTTPError | TimeoutError, timeout: float) -> TargetError:
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, _NOT_SENT):
        return TargetUnreachableError(f"{what}: no connection ({short(str(cause))})")
    if isinstance(cause, network.TimeoutError | TimeoutError):
        return TargetSilentError(f"{what}: no answer within {timeout:.1f} s")
    if isinstance(cause, network.ResponseError):
        return TargetRefusedError(f"{what}: answered with a redirect; name the API server itself")
    return TargetSilentError(f"{what}: the connection broke off")
