"""Faults in the settings of `redis` and `http_job` are found before anything runs, on one line."""

from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from pydantic import TypeAdapter

from featurewatch_receiver.backends.faults import backend_faults, cache_faults, kind_faults
from featurewatch_receiver.config.backends import BackendConfig, HttpBackend, KubernetesBackend

DOCUMENT = Path(__file__).parents[3] / "docs/backends.md"
ADAPTER: TypeAdapter[Any] = TypeAdapter(BackendConfig)

REDIS = {
    "kind": "redis",
    "url": "redis://localhost:6379/0",
    "request_timeout": "5s",
    "caches": {"features": {"prefix": "feat:"}},
}
JOB = {
    "kind": "http_job",
    "url": "http://localhost:8080/{{model}}",
    "body": {"run": "{{run_id}}"},
    "status": None,
    "request_timeout": "5s",
}
LOGIN = {
    "url": "http://localhost:8080/login",
    "body": {"password": "{{password}}"},
    "token_path": "token",
}
STATUS = {
    "url": "http://localhost:8080/{{run_id}}",
    "path": "state",
    "running": [],
    "success": [],
    "failure": [],
}


def faults(settings: dict[str, Any]) -> list[str]:
    found = backend_faults("b", ADAPTER.validate_python(settings))
    return [".".join(map(str, fault.path)) + ": " + fault.message for fault in found]


@pytest.mark.parametrize(
    "settings",
    [
        REDIS,
        REDIS | {"caches": {"all": {"flush": True}}},
        REDIS | {"url": "rediss://[::1]:6380", "cluster": True, "ca_file": "ca.pem"},
        REDIS | {"username": "u", "password_file": "p"},
        JOB,
        JOB | {"login": LOGIN, "password_file": "p", "status": STATUS},
    ],
)
def test_sound_settings_have_no_fault(settings: dict[str, Any]) -> None:
    assert faults(settings) == []


def test_every_backend_of_the_document_is_sound() -> None:
    kinds = set()
    for block in DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1:]:
        for settings in (yaml.safe_load(block.split("```")[0]).get("backends") or {}).values():
            kinds.add(settings["kind"])
            assert faults(settings) == []
    assert kinds >= {"redis", "http_job"}


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "redis://user:secret@localhost:6379"},
        {"url": "redis://:secret@localhost"},
        {"url": "http://localhost"},
        {"url": "redis://localhost/x"},
        {"url": "redis://localhost?password=secret"},
        {"caches": {}},
        {"caches": {"features": {"prefix": ""}}},
        *[{"caches": {"features": {"prefix": f"{sign}:"}}} for sign in "*?[]\\"],
    ],
)
def test_a_url_with_a_password_and_a_prefix_that_is_a_pattern_are_refused(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(pydantic.ValidationError):
        ADAPTER.validate_python(REDIS | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "u"}, "b.username: has no password; add 'password_file'"),
        ({"ca_file": "ca.pem"}, "b.ca_file: means nothing without TLS; write the url as rediss://"),
        (
            {"cluster": True, "url": "redis://localhost/3"},
            "b.url: names a database, and a cluster has none but 0; remove it",
        ),
        ({"caches": {"c": {}}}, "b.caches.c: write either 'prefix: \"feat:\"', or 'flush: true'"),
        ({"caches": {"c": {"prefix": "f:", "flush": True}}}, "b.caches.c: write either 'prefix:"),
    ],
)
def test_settings_of_redis_that_do_not_go_together(changes: dict[str, Any], said: str) -> None:
    [fault] = faults(REDIS | changes)
    assert fault.startswith("backends." + said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "http://{{extractor}}/x"}, "b.url: names a user or a placeholder as its host"),
        ({"url": "http://u:p@localhost/x"}, "b.url: names a user or a placeholder as its host"),
        ({"url": "http://h/{{runid}}"}, "b.url: nothing is known as {{runid}} here; write one of:"),
        ({"body": {"a": [{"b": "{{x}}"}]}}, "b.body: nothing is known as {{x}} here"),
        ({"headers": {"X": "{{alertname}}"}}, "b.headers.X: nothing is known as {{alertname}}"),
        ({"headers": {"authorization": "x"}}, "b.headers.authorization: secrets come from files"),
        (
            {"status": STATUS | {"url": "http://h/{{extractor}}"}},
            "b.status.url: nothing is known as {{extractor}} here; write one of: {{run_id}}, ",
        ),
        (
            {"already": [{"status": 409, "match": "{{id}}"}]},
            "b.already.0.match: nothing is known as {{id}}",
        ),
        ({"login": LOGIN}, "b.login: 'login' and 'password_file' go together"),
        ({"password_file": "p"}, "b.password_file: 'login' and 'password_file' go together"),
        (
            {"login": LOGIN, "password_file": "p", "token_file": "t"},
            "b.token_file: is not used with 'login'",
        ),
        (
            {"login": LOGIN | {"body": {"u": "{{run_id}}"}}, "password_file": "p"},
            "b.login.body: nothing is known as {{run_id}} here; write one of: {{password}}",
        ),
    ],
)
def test_settings_of_http_job_that_make_no_sense(changes: dict[str, Any], said: str) -> None:
    [fault] = faults(JOB | changes)
    assert fault.startswith("backends." + said)


def test_a_target_whose_cache_is_not_of_its_backend_is_told_which_there_are() -> None:
    settings = ADAPTER.validate_python(REDIS)
    path = ("targets", "fe", "cache")
    assert not list(cache_faults(path, "features", "b", settings))
    [fault] = cache_faults(path, "feature", "b", settings)
    assert fault.path == path
    assert fault.message == "backend b has no cache 'feature'; write one of: features"


def test_only_kubernetes_knows_kinds_of_what_is_scaled() -> None:
    path = ("targets", "fe", "deployment")
    cluster = KubernetesBackend(kind="kubernetes", namespace="x", request_timeout="5s")
    other = HttpBackend(kind="http", url="http://x:1", token_file=None, request_timeout="5s")
    assert not list(kind_faults(path, "statefulset/fe", "b", cluster))
    assert not list(kind_faults(path, "fe", "b", other))
    [fault] = kind_faults(path, "statefulset/fe", "b", other)
    assert fault.message == "backend b knows no kind 'statefulset', as kubernetes does; write fe"
