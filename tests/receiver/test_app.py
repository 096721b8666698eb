"""The application as a WSGI server of one's own would run it."""

from pathlib import Path

import pytest
from waiting import eventually

from featurewatch_receiver.app import create_app, worker_of
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import ConfigError
from receiver.in_process import AUTHORIZED
from receiver.payloads import Json, alert, payload
from receiver.target import Target


def test_a_configuration_is_all_that_the_application_needs(settings: Json, target: Target) -> None:
    app = create_app(ReceiverConfig.model_validate(settings))
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    worker = worker_of(app)
    worker.start()
    try:
        eventually(lambda: client.get("/readyz").status_code == 200)
        body = payload(alert("FeatureExtractionCacheHitRateLow"))
        reply = client.post("/api/v1/webhook/alertmanager", json=body, headers=AUTHORIZED)
        assert reply.json == {"accepted": 1}
        eventually(lambda: target.effects == ["clear"])
    finally:
        worker.close()


def test_without_its_token_it_is_not_made(settings: Json) -> None:
    Path(settings["receiver"]["token_file"]).unlink()
    with pytest.raises(ConfigError, match=r"receiver\.token_file"):
        create_app(ReceiverConfig.model_validate(settings))
