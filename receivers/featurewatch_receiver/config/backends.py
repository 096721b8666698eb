"""The settings of each kind of backend, as they stand under `backends` in config.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field

from featurewatch_receiver.config.values import File, Name, PositiveDuration, Strict, Text, Url

#: A DNS label of RFC 1123: what Kubernetes takes as names of namespaces, containers and jobs.
LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
Label = Annotated[str, Field(pattern=LABEL, examples=["feature-extraction"])]

HttpStatus = Annotated[int, Field(ge=200, le=599, examples=[200])]


class HttpBackend(Strict):
    """A service with the admin API of docs/http-backend.md."""

    kind: Annotated[Literal["http"], Field(examples=["http"])]
    url: Url
    token_file: File | None
    request_timeout: PositiveDuration


class RayServeBackend(Strict):
    """Deployments of one Ray Serve application; a target's `deployment` is the name of one."""

    kind: Annotated[Literal["ray_serve"], Field(examples=["ray_serve"])]
    #: Of the dashboard.
    url: Annotated[Url, Field(examples=["http://localhost:8265"])]
    token_file: File | None = None
    application: Text
    #: How many replicas, in percent of all, may start before old ones stop when they are
    #: replaced; 0: as the Serve config says, which may stop the only one first.
    max_surge_percent: Annotated[int, Field(ge=0, le=100, examples=[100])] = 100
    request_timeout: PositiveDuration


class RedisCache(Strict):
    """A cache in Redis: the keys that begin with a prefix, or a whole database."""

    #: Must not begin with a sign of a glob: that is mostly a pattern meant as one.
    prefix: Annotated[str | None, Field(pattern=r"^[^*?\[\]\\]", examples=["feat:"])] = None
    #: Every key of the database is one of this cache, so that all of it is dropped.
    flush: bool = False


class RedisBackend(Strict):
    """A Redis server or cluster that holds caches."""

    kind: Annotated[Literal["redis"], Field(examples=["redis"])]
    url: Annotated[
        str,
        Field(
            pattern=r"^rediss?://([^\s/@?#:\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[0-9]{1,4})?$",
            examples=["redis://localhost:6379/0"],
        ),
    ]
    #: The URL names any server of a cluster; the caches are on all of its primaries.
    cluster: bool = False
    username: Text | None = None
    password_file: File | None = None
    #: Authorities that rediss:// trusts; null: those of the machine.
    ca_file: File | None = None
    request_timeout: PositiveDuration
    caches: Annotated[
        dict[Name, RedisCache], Field(min_length=1, examples=[{"cache": {"prefix": "feat:"}}])
    ]


class KubernetesBackend(Strict):
    """Deployments of one namespace, their autoscalers, and CronJobs that train.

    A target's `deployment` is the name of a Deployment, its `model` that of a CronJob.
    """

    kind: Annotated[Literal["kubernetes"], Field(examples=["kubernetes"])]
    namespace: Label
    #: null: the ServiceAccount of the pod that the receiver runs in.
    kubeconfig: File | None = None
    #: Of the kubeconfig; null: its current one.
    context: Text | None = None
    #: Whose CPU and memory are changed; null: the only container that there is.
    container: Label | None = None
    #: Whether CPU and memory are changed at the pods that run, and no pod is replaced for that.
    in_place: bool = False
    #: Whether to look for a HorizontalPodAutoscaler, ScaledObject or Rollout that owns the number
    #: of replicas. False only where there is none, and no right to look.
    autoscalers: bool = True
    #: Whether to replace replicas where that may leave fewer than there were, or none.
    unsafe_rollouts: bool = False
    request_timeout: PositiveDuration


class JobLogin(Strict):
    """A request for a token, before any other request of a step."""

    url: Url
    #: JSON; {{password}} stands for what is in `password_file`.
    body: Annotated[dict[str, Any], Field(examples=[{"username": "featurewatch"}])]
    #: Where the token is in the answer, with dots between keys.
    token_path: Annotated[Text, Field(examples=["access_token"])]


class JobKnown(Strict):
    """An answer to a start that means: a run of this id is there already."""

    status: HttpStatus
    #: What the body must contain; empty: whatever it is.
    match: str = ""


class JobStatus(Strict):
    """How a run is looked at."""

    url: Url
    #: Where the state is in the answer: keys, and places in lists from 0, with dots between. A
    #: list that is shorter means that there is no such run.
    path: Annotated[Text, Field(examples=["status.phase"])]
    message_path: Text | None = None
    #: Words of the state; an empty one is for a state that is missing.
    running: list[str]
    success: list[str]
    failure: list[str]


class HttpJobBackend(Strict):
    """Training runs of any system that starts them by one request."""

    kind: Annotated[Literal["http_job"], Field(examples=["http_job"])]
    #: In texts {{run_id}}, {{model}}, {{alertname}} and {{extractor}} are filled in.
    url: Url
    headers: dict[Text, Text] = Field(default={})
    token_file: File | None = None
    #: Before the token in the header Authorization; empty: the token alone.
    scheme: str = "Bearer"
    #: For `login`, instead of a token.
    password_file: File | None = None
    login: JobLogin | None = None
    body: Annotated[dict[str, Any], Field(examples=[{"run_id": "{{run_id}}"}])]
    ok: list[HttpStatus] = Field(default=[200, 201, 202])
    already: list[JobKnown] = Field(default=[])
    #: Where the system's own id is in the answer to a start; null: it takes ours.
    run_id_path: Text | None = None
    #: Where an answer tells an error though its status is none of an error, with dots between
    #: keys; null: the status tells. For GraphQL: errors.
    error_path: Text | None = None
    #: null: runs can't be looked at.
    status: JobStatus | None
    #: Whether a second start of the same id starts nothing.
    idempotent: bool = False
    request_timeout: PositiveDuration


BackendConfig = Annotated[
    HttpBackend | RayServeBackend | RedisBackend | KubernetesBackend | HttpJobBackend,
    Field(discriminator="kind"),
]
