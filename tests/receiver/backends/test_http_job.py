"""The `http_job` backend against recorded answers of a real Airflow and a real Ray."""

from contextlib import closing
from typing import Any

import pytest

from featurewatch_receiver.backends.base import Training, Trainings, TrainingState
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetBlindError,
    TargetRefusedError,
    TargetUnreachableError,
)
from receiver.backends.jobs import PASSWORD, backend, documented, run
from receiver.replay import ANYTHING, Exchange, Replay, recorded, replaying

HOSTILE = {"alertname": 'a"}\n{{run_id}} $(reboot) \u202e', "extractor": "../../x?y=1#z"}
TOKEN = "ey.recorded.token"


LOGIN = Exchange(
    name="login",
    method="POST",
    path="/auth/token",
    asked={"username": "featurewatch", "password": PASSWORD},
    status=201,
    answer={"access_token": TOKEN},
    content_type="application/json",
)


def test_airflow_starts_a_run_and_tells_how_it_gets_on() -> None:
    asked = {
        "dag_run_id": "rec-1",
        "logical_date": None,
        "conf": {"alertname": "Fallbacks", "extractor": "fe"},
    }
    with replaying(
        LOGIN,
        recorded("airflow/dagrun_create").but(asked=asked),
        "airflow/dagrun_get_queued_or_running",
        "airflow/dagrun_get_success",
    ) as server:
        airflow = documented("airflow", server)
        assert isinstance(airflow, Trainings)
        started = run(airflow, "rec-1", alertname="Fallbacks", extractor="fe")
        assert started == Training(run_id="rec-1", state=TrainingState.RUNNING)
        queued = airflow.training("retrain_features", "rec-1")
        assert queued == Training(run_id="rec-1", state=TrainingState.RUNNING, detail="queued")
        done = airflow.training("retrain_features", "rec-1")
        assert done == Training(run_id="rec-1", state=TrainingState.SUCCEEDED, detail="success")
        authorizations = [sent.headers.get("Authorization") for sent in server.sent]
        assert authorizations == [None, *[f"Bearer {TOKEN}"] * 3]


def test_a_paused_dag_leaves_its_run_queued() -> None:
    queued = "airflow/dagrun_get_queued_or_running"
    with replaying(LOGIN, queued, queued) as server:
        airflow = documented("airflow", server)
        for _ in range(2):
            seen = airflow.training("retrain_features", "rec-1")
            assert seen is not None
            assert (seen.state, seen.detail) == (TrainingState.RUNNING, "queued")


def test_a_failed_run_is_told() -> None:
    with replaying(LOGIN, "airflow/dagrun_get_failed") as server:
        seen = documented("airflow", server).training("retrain_features", "rec-3")
        assert seen == Training(run_id="rec-3", state=TrainingState.FAILED, detail="failed")


def test_a_run_that_airflow_has_already_is_found_and_not_started_twice() -> None:
    with replaying(LOGIN, recorded("airflow/dagrun_create_conflict").but(asked=ANYTHING)) as server:
        started = run(documented("airflow", server), "rec-1")
        assert started == Training(
            run_id="rec-1", state=TrainingState.RUNNING, detail="was there already"
        )


def test_an_unknown_run_is_none_and_an_unknown_dag_is_refused() -> None:
    missing = recorded("airflow/dag_not_found").but(asked=ANYTHING)
    with replaying(
        LOGIN,
        missing.but(method="GET", path="/api/v2/dags/nosuch/dagRuns/rec-1"),
        missing,
    ) as server:
        airflow = documented("airflow", server)
        assert airflow.training("nosuch", "rec-1") is None
        with pytest.raises(TargetRefusedError, match=r"answered 404 .*'nosuch' not found"):
            airflow.start_training("nosuch", "rec-1", {})


@pytest.mark.parametrize(
    ("recording", "said"),
    [("bad_token", "403 .*Invalid JWT token"), ("unauthenticated", "401 .*Not authenticated")],
)
def test_wrong_credentials_are_told(recording: str, said: str) -> None:
    with (
        replaying(LOGIN, f"airflow/{recording}") as server,
        pytest.raises(TargetRefusedError, match=said) as told,
    ):
        documented("airflow", server).training("retrain_features", "rec-1")
    assert TOKEN not in str(told.value)


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (401, {"detail": f"no user with password {PASSWORD}"}, TargetRefusedError),
        (201, {"token": PASSWORD}, TargetAnswerInvalidError),
        (201, PASSWORD, TargetAnswerInvalidError),
    ],
)
def test_a_login_that_fails_shows_nothing_of_the_password(
    status: int, answer: Any, kind: type[Exception]
) -> None:
    with (
        replaying(LOGIN.but(status=status, answer=answer)) as server,
        pytest.raises(kind, match=r"^POST /auth/token: ") as told,
    ):
        documented("airflow", server).training("retrain_features", "rec-1")
    assert PASSWORD not in str(told.value)


def test_what_an_alert_brings_along_arrives_as_data() -> None:
    """Quotes, placeholders and shell signs change nothing of the request but one text."""
    with replaying(LOGIN, recorded("airflow/dagrun_create").but(asked=ANYTHING)) as server:
        run(documented("airflow", server), "rec-1", **HOSTILE)
        assert server.sent[1].body == {
            "dag_run_id": "rec-1",
            "logical_date": None,
            "conf": HOSTILE,
        }


def test_what_stands_in_a_url_stays_within_its_place() -> None:
    start = Exchange(
        name="start",
        method="POST",
        path="/x/..%2F..%2Fx%3Fy%3D1%23z/start",
        asked={},
        status=200,
        answer={},
        content_type="application/json",
    )
    with replaying(start) as server:
        hook = backend(webhook(server, url=f"{server.url}/x/{{{{extractor}}}}/start", body={}))
        run(hook, "rec-1", **HOSTILE)


RAY_ASKED = {
    "entrypoint": "python /srv/app/retrain.py",
    "submission_id": "retrain-x1",
    "runtime_env": {"env_vars": {"MODEL": "retrain_features"}},
    "metadata": {"alertname": "", "extractor": ""},
}


def test_ray_starts_a_job_and_tells_how_it_gets_on() -> None:
    with replaying(
        recorded("ray/job_submit").but(asked=RAY_ASKED),
        "ray/job_get_pending",
        "ray/job_get_running",
        "ray/job_get_succeeded",
    ) as server:
        ray = documented("ray_jobs", server)
        assert run(ray, "retrain-x1").state is TrainingState.RUNNING
        seen = [ray.training("m", "retrain-x1") for _ in range(3)]
        assert [(each.state.value, each.detail) for each in seen if each] == [
            ("running", "PENDING: Job has not started yet."),
            ("running", "RUNNING: Job is currently running."),
            ("succeeded", "SUCCEEDED: Job finished successfully."),
        ]
        assert {sent.headers["Authorization"] for sent in server.sent} == {f"Bearer {PASSWORD}"}


def test_ray_tells_a_duplicate_by_a_500_and_its_text() -> None:
    duplicate = recorded("ray/job_submit_duplicate_500").but(asked=ANYTHING)
    with replaying(duplicate, duplicate) as server:
        ray = documented("ray_jobs", server)
        assert run(ray, "retrain-x1").detail == "was there already"
        with pytest.raises(TargetRefusedError, match="answered 500"):
            run(ray, "retrain-other")  # the text is about another run


def test_ray_tells_why_a_job_failed_and_which_it_does_not_know() -> None:
    with replaying("ray/job_get_failed", "ray/job_get_unknown_404") as server:
        ray = documented("ray_jobs", server)
        failed = ray.training("m", "retrain-x2")
        assert failed is not None
        assert failed.state is TrainingState.FAILED
        assert failed.detail.startswith("FAILED: Job entrypoint command failed with exit code 3")
        assert "\n" not in failed.detail
        assert ray.training("m", "nope") is None


def made(method: str, path: str, answer: Any, asked: Any = None) -> Exchange:
    """An exchange as a system's documentation tells it; none was recorded."""
    return Exchange(
        name=f"{method} {path}",
        method=method,
        path=path,
        asked=asked,
        status=200,
        answer=answer,
        content_type="application/json",
    )


ARGO = "/api/v1/workflows/training"


def test_the_documents_argo_submits_a_template_and_reads_its_phase() -> None:
    asked = {
        "resourceKind": "WorkflowTemplate",
        "resourceName": "retrain_features",
        "submitOptions": {"name": "rec-1", "parameters": ["alertname=a=b", "extractor=fe"]},
    }
    told = [
        {},  # no controller has seen it yet
        {"phase": "Running"},
        {"phase": "Failed", "message": "child 'train' failed"},
        {"phase": "Succeeded"},
    ]
    with replaying(
        made("POST", f"{ARGO}/submit", {"metadata": {"name": "rec-1"}}, asked),
        *[made("GET", f"{ARGO}/rec-1", {"status": status}) for status in told],
    ) as server:
        argo = documented("argo", server)
        assert run(argo, "rec-1", alertname="a=b", extractor="fe").state is TrainingState.RUNNING
        seen = [argo.training("retrain_features", "rec-1") for _ in told]
        assert [(each.state.value, each.detail) for each in seen if each] == [
            ("running", ""),
            ("running", "Running"),
            ("failed", "Failed: child 'train' failed"),
            ("succeeded", "Succeeded"),
        ]
        assert {sent.headers["Authorization"] for sent in server.sent} == {f"Bearer {PASSWORD}"}


def test_the_documents_webhook_is_told_once_more_under_the_same_key() -> None:
    asked = {"run": "rec-1", "model": "retrain_features", "alert": "Fallbacks", "extractor": "fe"}
    again = made("POST", "/hooks/retrain", {}, asked)
    with replaying(again, again) as server:
        for _ in range(2):  # another process, which knows nothing of the first
            hook = documented("training_hook", server)
            assert hook.training("retrain_features", "rec-1") is None
            run(hook, "rec-1", alertname="Fallbacks", extractor="fe")
        assert [sent.headers["Idempotency-Key"] for sent in server.sent] == ["rec-1", "rec-1"]


def webhook(server: Replay, **changes: Any) -> dict[str, Any]:
    """A system that takes a start and tells nothing more."""
    return {
        "kind": "http_job",
        "url": f"{server.url}/start",
        "body": {"run": "{{run_id}}"},
        "status": None,
        "request_timeout": "2s",
    } | changes


def start(status: int, answer: Any, run_id: str = "rec-1") -> Exchange:
    return Exchange(
        name="start",
        method="POST",
        path="/start",
        asked={"run": run_id},
        status=status,
        answer=answer,
        content_type="application/json",
    )


GRAPHQL = {"run_id_path": "data.launchRun.run.runId", "error_path": "errors"}


@pytest.mark.parametrize(
    ("answer", "path", "said"),
    [
        ({"errors": [{"message": "no job m"}]}, "errors", r'errors says \[.*"no job m"'),
        (
            {"data": {"launchRun": {"message": "no pipeline"}}},
            "data.launchRun.message",
            "data.launchRun.message says no pipeline",
        ),
        ({"error": True}, "error", "error says true"),
    ],
)
def test_an_error_under_a_status_of_success_is_no_start(answer: Any, path: str, said: str) -> None:
    with replaying(start(200, answer)) as server:
        hook = backend(webhook(server, error_path=path))
        with pytest.raises(TargetRefusedError, match=said):
            run(hook, "rec-1")


@pytest.mark.parametrize("errors", [{}, {"errors": None}, {"errors": []}])
def test_no_error_there_is_a_start(errors: Any) -> None:
    answer = errors | {"data": {"launchRun": {"run": {"runId": "17"}}}}
    with replaying(start(200, answer)) as server:
        assert run(backend(webhook(server, **GRAPHQL)), "rec-1").run_id == "17"


def test_a_start_without_the_systems_id_is_no_start() -> None:
    with replaying(start(200, {"data": {"launchRun": {}}})) as server:
        hook = backend(webhook(server, **GRAPHQL))
        with pytest.raises(TargetAnswerInvalidError, match=r"run\.runId is missing"):
            run(hook, "rec-1")


def test_an_error_may_say_that_the_run_is_there_already() -> None:
    with replaying(start(200, {"errors": ["rec-1 exists"]})) as server:
        already = [{"status": 200, "match": "{{run_id}} exists"}]
        hook = backend(webhook(server, error_path="errors", already=already))
        assert run(hook, "rec-1").detail == "was there already"


def test_an_error_under_a_status_of_success_is_no_state_of_a_run() -> None:
    """An empty word of the state is one that a run may have."""
    look = start(200, {"errors": ["database is away"]}).but(
        name="look", method="GET", path="/runs/rec-1", asked=None
    )
    status = {"path": "state", "running": [""], "success": ["done"], "failure": ["lost"]}
    with replaying(look) as server:
        told = status | {"url": f"{server.url}/runs/{{{{run_id}}}}"}
        hook = backend(webhook(server, error_path="errors", status=told))
        with pytest.raises(TargetRefusedError, match="database is away"):
            hook.training("m", "rec-1")


def test_nobody_can_tell_of_a_run_without_a_status() -> None:
    with replaying(start(202, {})) as server:
        hook = backend(webhook(server))
        with pytest.raises(TargetBlindError):
            hook.training("m", "rec-1")
        assert run(hook, "rec-1").state is TrainingState.RUNNING


def test_a_start_that_may_be_repeated_is_not_there_until_it_was_made() -> None:
    """And afterwards nobody can tell, so that it is not made again and again."""
    with replaying(start(202, {})) as server:
        hook = backend(webhook(server, idempotent=True))
        assert hook.training("m", "rec-1") is None
        run(hook, "rec-1")
        with pytest.raises(TargetBlindError):
            hook.training("m", "rec-1")


def test_the_systems_own_id_is_what_is_looked_at() -> None:
    look = start(200, {"state": {"now": "busy"}}).but(
        name="look", method="GET", path="/runs/17%2Fa", asked=None
    )
    status = {
        "url": "{url}/runs/{{run_id}}",
        "path": "state.now",
        "running": ["busy"],
        "success": ["ok"],
        "failure": ["bad"],
    }
    with replaying(start(201, {"run": {"id": "17/a"}}), look) as server:
        status["url"] = server.url + "/runs/{{run_id}}"
        system = backend(webhook(server, run_id_path="run.id", status=status))
        assert run(system, "rec-1").run_id == "17/a"
        assert system.training("m", "rec-1") == Training(
            run_id="17/a", state=TrainingState.RUNNING, detail="busy"
        )
        # Another process does not know that id.
        with pytest.raises(TargetBlindError):
            backend(webhook(server, run_id_path="run.id", status=status)).training("m", "rec-1")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"state": "odd"}, "'odd' is neither running, success nor failure"),
        ({}, "'' is neither running, success nor failure"),
        ("<html>", "the answer is no JSON"),
    ],
)
def test_an_answer_of_another_form_is_told(answer: Any, said: str) -> None:
    look = start(200, answer).but(method="GET", path="/runs/rec-1", asked=None)
    with replaying(look) as server:
        status = {"url": server.url + "/runs/{{run_id}}", "path": "state"}
        status |= {"running": ["a"], "success": ["b"], "failure": ["c"]}
        with pytest.raises(TargetAnswerInvalidError, match=said):
            backend(webhook(server, status=status)).training("m", "rec-1")


def test_nobody_listening_is_unreachable() -> None:
    with replaying() as server:
        gone = webhook(server)
    with closing(backend(gone)) as hook, pytest.raises(TargetUnreachableError):
        run(hook, "rec-1")
