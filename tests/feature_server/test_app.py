from collections.abc import Iterator

import pytest
from feature_server.app import create_app
from feature_server.training import Trainer
from flask.testing import FlaskClient

DEPLOYMENT = "/admin/deployments/feature_extractor"
CLEAR = "/admin/caches/feature_cache/clear"
RETRAIN = "/admin/models/cnn_lstm_model/retrain"

# request, body, status, part of the error
REFUSALS = [
    ("GET /features", None, 400, "window must be a whole number"),
    ("GET /features?window=-1", None, 400, "window must be a whole number"),
    ("GET /features?window=%C2%B2", None, 400, "window must be a whole number"),
    ("GET /features?window=99", None, 404, "window 99 isn't kept"),
    ("GET /nowhere", None, 404, "not found"),
    ("GET /admin/deployments/other", None, 404, "no deployment 'other'"),
    ("PUT /admin/deployments/other", {"replicas": 2}, 404, "no deployment 'other'"),
    (f"PUT {DEPLOYMENT}", {"replicas": 0}, 422, "replicas must be 1 to 16, not 0"),
    (f"PUT {DEPLOYMENT}", {"replicas": 17}, 422, "replicas must be 1 to 16, not 17"),
    (f"PUT {DEPLOYMENT}", {"replicas": True}, 422, "replicas must be a whole number"),
    (f"PUT {DEPLOYMENT}", {}, 422, "replicas must be a whole number"),
    (f"PUT {DEPLOYMENT}", [2], 400, "must be a JSON object"),
    (f"PUT {DEPLOYMENT}", {"replicas": 3, "expected_replicas": 2}, 409, "1 replicas are set"),
    (f"POST {DEPLOYMENT}/restart", None, 400, "Idempotency-Key"),
    (f"POST {CLEAR}", None, 400, "Idempotency-Key"),
    ("POST /admin/caches/other/clear", None, 404, "no cache 'other'"),
    ("POST /admin/models/other/retrain", None, 404, "no model 'other'"),
    (f"GET {RETRAIN}/nothing", None, 404, "no retraining 'nothing'"),
    ("PUT /admin/faults/flood", {"enabled": True}, 404, "no fault 'flood'"),
    ("PUT /admin/faults/errors", {}, 422, "enabled must be true or false"),
    ("PUT /admin/faults/errors", {"enabled": True, "share": 2}, 422, "share must be 0 to 1"),
    ("PUT /admin/faults/errors", {"enabled": True, "many": 2}, 422, "unknown field 'many'"),
]


@pytest.fixture
def trainer(service) -> Iterator[Trainer]:
    trainer = Trainer(service)
    yield trainer
    trainer.close()


@pytest.fixture
def client(service, trainer) -> FlaskClient:
    return create_app(service, trainer).test_client()


def key(word: str) -> dict[str, str]:
    return {"Idempotency-Key": word}


def test_features_come_with_their_source(client):
    answer = client.get("/features?window=2").json
    assert (answer["window"], answer["source"], len(answer["features"])) == (2, "model", 35)
    assert client.get("/features?window=2").json["source"] == "cache"


def test_windows_and_health_are_told(client, service):
    assert client.get("/windows").json == {"first": 0, "last": 2, "count": 3}
    refused = client.get("/healthz")  # nobody started this sampler
    assert (refused.status_code, refused.json) == (503, {"error": "sampling has stopped"})


def test_what_cannot_be_done_gets_one_clear_error(client, subtests):
    for request_line, body, status, error in REFUSALS:
        with subtests.test(request_line, body=body):
            method, path = request_line.split(" ")
            refused = client.open(path, method=method, json=body)
            assert refused.status_code == status
            assert list(refused.json) == ["error"]
            assert error.lower() in refused.json["error"].lower()


def test_scaling_is_absolute_and_may_be_repeated(client, eventually):
    wanted = {"replicas": 2, "expected_replicas": 1}
    first, second = client.put(DEPLOYMENT, json=wanted), client.put(DEPLOYMENT, json=wanted)
    assert (first.status_code, second.status_code) == (200, 200)
    eventually(lambda: client.get(DEPLOYMENT).json["ready_replicas"] == 2)
    assert client.get(DEPLOYMENT).json == {
        "name": "feature_extractor",
        "replicas": 2,
        "ready_replicas": 2,
        "generation": 1,
        "restart_key": None,
    }


def test_the_same_key_restarts_once(client):
    answers = [client.post(f"{DEPLOYMENT}/restart", headers=key(k)) for k in ("a", "a", "b")]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json["generation"] for answer in answers] == [2, 2, 3]
    assert client.get(DEPLOYMENT).json["restart_key"] == "b"


def test_the_same_key_clears_once_and_gives_the_first_answer(client):
    client.get("/features?window=1")
    assert client.post(CLEAR, headers=key("a")).json == {"cleared": 1}
    client.get("/features?window=1")
    assert client.post(CLEAR, headers=key("a")).json == {"cleared": 1}
    assert client.get("/features?window=1").json["source"] == "cache"
    assert client.post(CLEAR, headers=key("b")).json == {"cleared": 1}


def test_a_key_means_one_action_only(client):
    client.post(f"{DEPLOYMENT}/restart", headers=key("a"))
    assert client.post(CLEAR, headers=key("a")).json == {"cleared": 0}


def test_retraining_starts_once_for_a_key_and_ends_with_a_new_model(client, service, eventually):
    client.get("/features?window=1")
    started = [client.post(RETRAIN, headers=key("a")) for _ in range(2)]
    run_id = started[0].json["run_id"]
    assert [(s.status_code, s.json["run_id"]) for s in started] == [(202, run_id)] * 2
    eventually(lambda: client.get(f"{RETRAIN}/{run_id}").json == {"state": "succeeded"})
    assert service.model.version == 2
    assert client.get("/features?window=1").json["source"] == "model"  # its cache is cold


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("poisoned_cache", {}),
        ("slow_model", {"factor": 2.5}),
        ("slow_network", {"seconds": 0.1}),
        ("errors", {"share": 0.2}),
        ("memory", {"mib": 1}),
    ],
)
def test_a_fault_is_switched_on_and_off(client, name, setting):
    path = f"/admin/faults/{name}"
    on = {"name": name, "enabled": True, **setting}
    assert client.put(path, json={"enabled": True, **setting}).json == on
    assert on in client.get("/admin/faults").json["faults"]
    assert client.put(path, json={"enabled": False}).json["enabled"] is False


def test_errors_fail_requests_until_a_restart(client):
    client.put("/admin/faults/errors", json={"enabled": True, "share": 1})
    failed = client.get("/features?window=1")
    assert (failed.status_code, failed.json) == (500, {"error": "the `errors` fault is on"})
    client.post(f"{DEPLOYMENT}/restart", headers=key("a"))
    assert client.get("/features?window=1").status_code == 200


def test_with_a_token_the_admin_api_asks_for_it(service, trainer):
    client = create_app(service, trainer, admin_token="s3cret").test_client()
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer s3cr\xe9t"}):
        refused = client.get(DEPLOYMENT, headers=header)
        assert refused.status_code == 401
        assert "admin token" in refused.json["error"]
    good = {"Authorization": "Bearer s3cret"}
    assert client.get(DEPLOYMENT, headers=good).status_code == 200
    assert client.get("/windows").status_code == 200
