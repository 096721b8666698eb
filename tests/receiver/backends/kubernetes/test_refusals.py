"""What is never sent, and what failures are told as."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
    TargetUnreadyError,
)
from receiver.backends.kubernetes.objects import (
    BEFORE,
    FE,
    RUN,
    Open,
    deployment,
    k8s,
    kubeconfig,
)
from receiver.replay import ANYTHING, Replay


@pytest.mark.parametrize(
    "name", ["../secrets/x", "fe/scale", "fe?x=1", "Fe", "feature_extractor", "fe\n", "", "a" * 254]
)
def test_what_can_be_no_name_of_the_cluster_is_never_sent(
    server: Replay, fe: KubernetesClient, name: str
) -> None:
    for attempt in (
        lambda: fe.deployment(name),
        lambda: fe.scale(name, 2, expected=1),
        lambda: fe.restart(name, "k"),
        lambda: fe.set_resources(name, BEFORE, expected=BEFORE),
        lambda: fe.start_training(name, RUN, {}),
        lambda: fe.start_training("retrain", name, {}),
        lambda: fe.training("retrain", name),
    ):
        with pytest.raises(TargetRefusedError, match="can't be the name of a"):
            attempt()
    assert not server.sent


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        ("unauthorized", "answered 401 Unauthorized"),
        ("not_found_as_admin", "answered 404 .*not found"),
        ("scale_patch_negative", "answered 422 .*must be greater than or equal to 0"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    server: Replay, fe: KubernetesClient, recording: str, words: str
) -> None:
    look = deployment("stable")
    refusal = k8s(recording)
    server.expect(look.but(status=refusal.status, answer=refusal.answer))
    with pytest.raises(TargetRefusedError, match=words):
        fe.deployment(FE)


def test_credentials_that_are_refused_are_read_again(
    server: Replay, opened: Open, tmp_path: Path
) -> None:
    """A token is renewed in its file while an action waits; the kubeconfig only names it."""
    backend, token = opened(server.url), tmp_path / "token"
    file = kubeconfig(tmp_path, server.url)
    file.write_text(file.read_text().replace("token: s3cret", f"tokenFile: {token}"))
    look, refusal = deployment("stable"), k8s("unauthorized")
    server.expect(*[look.but(status=401, answer=refusal.answer)] * 2, look)
    for known in ("one", "two"):
        token.write_text(f"{known}\n")
        with pytest.raises(TargetUnreadyError, match="answered 401"):
            backend.deployment(FE)
    token.write_text("three")
    assert backend.deployment(FE).replicas == 2
    sent = [each.headers["authorization"] for each in server.sent]
    assert sent == ["Bearer s3cret", "Bearer two", "Bearer three"]


def test_a_right_that_an_api_server_does_not_know_yet_is_worth_another_try(
    server: Replay, fe: KubernetesClient
) -> None:
    """Its first half second: Kubernetes 1.37 refuses then what the Role grants."""
    refusal = k8s("forbidden_other_deployment")
    server.expect(deployment("stable").but(status=403, answer=refusal.answer))
    with pytest.raises(TargetUnreadyError, match="grant it in the Role"):
        fe.deployment(FE)


def test_a_missing_right_is_named_in_full(server: Replay, fe: KubernetesClient) -> None:
    refusal = k8s("forbidden_other_deployment").but(asked=ANYTHING)
    bystander = "/apis/apps/v1/namespaces/features/deployments/bystander"
    look = deployment("stable", metadata__name="bystander").but(path=bystander)
    server.expect(look, refusal)
    with pytest.raises(TargetRefusedError) as caught:
        fe.scale("bystander", 3, expected=2)
    line = str(caught.value)
    assert 'cannot patch resource "deployments/scale" in API group "apps"' in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "message",
    [
        'jobs.batch "j" is forbidden: exceeded quota: q, requested: count/jobs.batch=1',
        'jobs.batch "j" is forbidden: unable to create new content in namespace features because '
        "it is being terminated",
        "deployments.apps \"fe\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' "
        "denied request: no scaling on Fridays",
        'admission webhook "gate.example" denied the request: not you',
    ],
)
def test_what_no_right_would_allow_is_told_without_advice_about_rights(
    server: Replay, fe: KubernetesClient, message: str
) -> None:
    """The sentences of Kubernetes 1.37 for a quota, an end of a namespace and admission."""
    status = {"reason": "Forbidden", "message": message}
    server.expect(deployment("stable").but(status=403, answer=status))
    with pytest.raises(TargetRefusedError) as refused:
        fe.deployment(FE)
    assert str(refused.value).endswith(f"answered 403 {message}")


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (500, "etcdserver: request timed out", TargetSilentError),
        (503, "service unavailable", TargetSilentError),
        (429, "too many requests", TargetSilentError),
        (307, "", TargetRefusedError),
        (200, "<html>", TargetAnswerInvalidError),
        (200, '{"metadata": {}}', TargetAnswerInvalidError),
    ],
)
def test_an_answer_that_is_none_is_asked_for_once(
    server: Replay, fe: KubernetesClient, status: int, answer: str, error: type[TargetError]
) -> None:
    server.expect(deployment("stable").but(status=status, answer=answer))
    with pytest.raises(error):
        fe.deployment(FE)
    assert len(server.sent) == 1


def test_a_server_that_is_not_there_is_unreachable(opened: Open) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        backend = opened(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TargetUnreachableError, match="no connection"):
            backend.deployment(FE)


def test_a_server_that_says_nothing_is_silent_by_the_deadline(opened: Open) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # The action's time is nearly up: a moment is left, and not the request_timeout.
        backend = opened(url, seconds=0.2, request_timeout="1h")
        with pytest.raises(TargetSilentError, match=r"no answer within 1\.0 s"):
            backend.deployment(FE)
        listener.settimeout(0)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):  # it was asked once
            listener.accept()


def test_credentials_that_are_not_there_are_told_in_one_line(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.yaml")
    settings = {"kind": "kubernetes", "namespace": "features", "request_timeout": "5s"}
    for kubeconfig_, place in ((missing, "none.yaml"), (None, "the pod's ServiceAccount")):
        with pytest.raises(TargetUnreachableError, match=f"{place} gives no access") as caught:
            KubernetesClient(Settings(**settings, kubeconfig=kubeconfig_), None, Deadline(5))
        assert "\n" not in str(caught.value)


def test_the_proxy_of_the_environment_is_not_asked(
    server: Replay, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.expect(deployment("stable"))
    opened(server.url).deployment(FE)
    assert server.sent[0].headers["User-Agent"].startswith("featurewatch-receiver/")


def test_without_the_package_one_line_names_the_extra() -> None:
    """In a process of its own, where it can't be imported; the kind is known all the same."""
    program = """
import sys
sys.modules["kubernetes"] = None
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from featurewatch_receiver.backends import KINDS
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import ConfigError
settings = Settings(kind="kubernetes", namespace="features", request_timeout="5s")
try:
    KINDS["kubernetes"](settings, None, Deadline(5))
except ConfigError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    fix = "run pip install 'featurewatch-receiver[kubernetes]'"
    assert done.stdout == f"backends: kind kubernetes needs a package; {fix}\n"
