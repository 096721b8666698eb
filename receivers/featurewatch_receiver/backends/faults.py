"""Faults in the settings of a backend that no single key shows."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from featurewatch_receiver.backends.placeholders import KNOWN, placeholders
from featurewatch_receiver.config.backends import (
    BackendConfig,
    HttpJobBackend,
    KubernetesBackend,
    RedisBackend,
)
from featurewatch_receiver.config.file import KeyPath, Problem

#: Safe in a header: nothing of an alert.
_OURS = ("run_id", "model")


def backend_faults(name: str, settings: BackendConfig) -> Iterator[Problem]:
    """Every fault in the settings of one backend."""
    path = ("backends", name)
    if isinstance(settings, RedisBackend):
        yield from _redis_faults(path, settings)
    if isinstance(settings, HttpJobBackend):
        yield from _http_job_faults(path, settings)


def cache_faults(
    path: KeyPath, cache: str, backend: str, settings: BackendConfig
) -> Iterator[Problem]:
    """A target names a cache that its backend has; `path` is of that name."""
    if isinstance(settings, RedisBackend) and cache not in settings.caches:
        known = ", ".join(sorted(settings.caches))
        message = f"backend {backend} has no cache {cache!r}; write one of: {known}"
        yield Problem(path=path, message=message)


def kind_faults(
    path: KeyPath, deployment: str, backend: str, settings: BackendConfig
) -> Iterator[Problem]:
    """A target names a kind that its backend knows; `path` is of that name."""
    kind, slash, name = deployment.rpartition("/")
    if slash and not isinstance(settings, KubernetesBackend):
        message = f"backend {backend} knows no kind {kind!r}, as kubernetes does; write {name}"
        yield Problem(path=path, message=message)


def _redis_faults(path: KeyPath, settings: RedisBackend) -> Iterator[Problem]:
    if settings.username and not settings.password_file:
        yield Problem(path=(*path, "username"), message="has no password; add 'password_file'")
    if settings.ca_file and not settings.url.startswith("rediss:"):
        message = "means nothing without TLS; write the url as rediss://"
        yield Problem(path=(*path, "ca_file"), message=message)
    if settings.cluster and urlsplit(settings.url).path.strip("/") not in ("", "0"):
        message = "names a database, and a cluster has none but 0; remove it"
        yield Problem(path=(*path, "url"), message=message)
    for cache, how in settings.caches.items():
        if how.flush == (how.prefix is not None):
            message = (
                "write either 'prefix: \"feat:\"', or 'flush: true' if the whole database is the"
                " cache's"
            )
            yield Problem(path=(*path, "caches", cache), message=message)


def _http_job_faults(path: KeyPath, settings: HttpJobBackend) -> Iterator[Problem]:
    for key, url in _urls(settings).items():
        # A host that an alert can choose would be told our token.
        if "@" in urlsplit(url).netloc or "{{" in urlsplit(url).netloc:
            message = "names a user or a placeholder as its host; write a plain host"
            yield Problem(path=(*path, *key), message=message)
        wanted = _OURS if key == ("status", "url") else () if key == ("login", "url") else KNOWN
        yield from _unknown((*path, *key), url, wanted)
    yield from _unknown((*path, "body"), settings.body, KNOWN)
    for number, known in enumerate(settings.already):
        yield from _unknown((*path, "already", number, "match"), known.match, KNOWN)
    for header, value in settings.headers.items():
        yield from _unknown((*path, "headers", header), value, _OURS)
        if header.lower() == "authorization":
            message = "secrets come from files; write 'token_file' and 'scheme'"
            yield Problem(path=(*path, "headers", header), message=message)
    yield from _secret_faults(path, settings)


def _urls(settings: HttpJobBackend) -> Mapping[tuple[str, ...], str]:
    urls: dict[tuple[str, ...], str] = {("url",): settings.url}
    if settings.status:
        urls["status", "url"] = settings.status.url
    if settings.login:
        urls["login", "url"] = settings.login.url
    return urls


def _secret_faults(path: KeyPath, settings: HttpJobBackend) -> Iterator[Problem]:
    if settings.login:
        yield from _unknown((*path, "login", "body"), settings.login.body, ("password",))
    if settings.login and settings.token_file:
        message = "is not used with 'login', which fetches a token; remove one of the two"
        yield Problem(path=(*path, "token_file"), message=message)
    if bool(settings.login) != bool(settings.password_file):
        message = "'login' and 'password_file' go together; add the other one"
        key = "login" if settings.login else "password_file"
        yield Problem(path=(*path, key), message=message)


def _unknown(path: KeyPath, tree: Any, known: tuple[str, ...]) -> Iterator[Problem]:
    for name in placeholders(tree):
        if name not in known:
            words = ", ".join(f"{{{{{word}}}}}" for word in known) or "none"
            message = f"nothing is known as {{{{{name}}}}} here; write one of: {words}"
            yield Problem(path=path, message=message)
