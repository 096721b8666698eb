"""The receiver's backend `ray_serve` changes a real Ray Serve."""

import shutil
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from featurewatch_kit.demo.processes import free_port
from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.ray_serve import RayServeClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import RayServeBackend as Settings
from featurewatch_receiver.errors import TargetChangedError, TargetRefusedError
from ray_serve.on_ray import can_run, running

pytestmark = pytest.mark.ray

CLUSTER = Path(__file__).with_name("cluster.py")
TOKEN = "correct-horse-battery-staple-0123456789"
MIB = 2**20
SETTLE_SECONDS = 60  # a replica starts within a few seconds; a busy machine takes longer


class Ray:
    """A cluster: `plain`, `scaler` (has its endpoint on), `auto` and `short` (autoscaled)."""

    def __init__(self, url, http, version):
        self.url, self.http, self.version = url, http, version
        self.applications = f"{url}/api/serve/applications/"
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    def deploy(self):
        """Bring every application to its first state."""
        options = {"host": "127.0.0.1", "port": self.http}
        apps = [
            app("plain", {"num_replicas": 1}),
            app("scaler", {"num_replicas": 1}) | {"external_scaler_enabled": True},
            app("auto", {"autoscaling_config": {"min_replicas": 1, "max_replicas": 3}}),
            app("short", {"num_replicas": "auto", "autoscaling_config": {"min_replicas": 1}}),
        ]
        body = {"proxy_location": "HeadOnly", "http_options": options, "applications": apps}
        put = requests.put(self.applications, json=body, headers=self.headers, timeout=30)
        assert put.status_code == 200, put.text

    def state(self):
        return requests.get(self.applications, headers=self.headers, timeout=10).json()

    def replicas(self, application):
        details = self.state()["applications"][application]["deployments"]["Extractor"]
        return {replica["replica_id"] for replica in details["replicas"]}

    def effective(self, application):
        details = self.state()["applications"][application]["deployments"]["Extractor"]
        return details["deployment_config"]["autoscaling_config"]

    def configured(self, application):
        config = self.state()["applications"][application]["deployed_app_config"]
        return config["deployments"][0]


def app(name, deployment):
    common = {"name": "Extractor", "ray_actor_options": {"num_cpus": 0.1, "memory": 50 * MIB}}
    return {
        "name": name,
        "route_prefix": f"/{name}",
        "import_path": "feature_app:app",
        "deployments": [common | deployment],
    }


def cluster(root, folder, port):
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    return running(root, CLUSTER, folder, port, PYTHONPATH=str(CLUSTER.parent), **environment)


@pytest.fixture(scope="module")
def ray(root):
    if not can_run(root):
        pytest.skip("Ray, in an environment of its own (make test-ray)")
    folder = tempfile.mkdtemp(prefix="ray")  # short, for the names of Ray's sockets
    try:
        port = free_port()
        with cluster(root, folder, port) as started:
            version = started.ask(None)["ray"]
            ray = Ray(f"http://127.0.0.1:{port}", free_port(), version)
            ray.deploy()
            yield ray
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def backend_of(ray, application, token=TOKEN):
    settings = Settings(
        kind="ray_serve",
        url=ray.url,
        token_file=None,
        application=application,
        request_timeout="10s",
    )
    return RayServeClient(settings, token, Deadline(600))


@pytest.fixture
def open_backend(ray):
    """Opens the backend of an application in its first state."""
    opened = []

    def open_it(application):
        opened.append(backend_of(ray, application))
        ray.deploy()
        settled(opened[-1], lambda now: now.setpoint == 1 and now.restart_key is None)
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


def settled(backend, reached=lambda now: True):
    """The deployment once it is settled and as wanted, whatever Ray says in between."""
    limit, seen = Deadline(SETTLE_SECONDS), None
    while limit.left() > 0:
        try:
            seen = backend.deployment("Extractor")
            if seen.settled and reached(seen):
                return seen
        except TargetRefusedError as refused:
            seen = refused
        time.sleep(0.2)
    pytest.fail(f"not reached: {seen}")


@contextmanager
def load(ray, application):
    """Requests one after the other; the statuses so far."""
    statuses, end = [], threading.Event()

    def call():
        while not end.is_set():
            answer = requests.get(f"http://127.0.0.1:{ray.http}/{application}", timeout=30)
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        end.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("application", ["plain", "scaler"])
def test_replicas_are_added_and_taken_away(ray, open_backend, application):
    print(f"Ray {ray.version}")
    backend = open_backend(application)
    others = ray.replicas("auto")
    first = ray.replicas(application)
    up = backend.scale("Extractor", 3, expected=1)
    assert (up.replicas, up.settled) == (3, False)
    assert settled(backend).ready_replicas == 3
    assert first < ray.replicas(application)
    assert backend.scale("Extractor", 3, expected=1).replicas == 3  # again, after a crash
    with pytest.raises(TargetChangedError, match="3 replicas instead of 1"):
        backend.scale("Extractor", 2, expected=1)
    backend.scale("Extractor", 1, expected=3)
    down = settled(backend)
    assert (down.replicas, down.ready_replicas) == (1, 1)
    assert ray.replicas("auto") == others


def test_of_an_autoscaled_deployment_the_lower_bound_is_set(open_backend, ray):
    backend = open_backend("auto")
    first = ray.replicas("auto")
    seen = backend.deployment("Extractor")
    assert (seen.autoscaler, seen.autoscaler_max) == ("Ray Serve autoscaling", 3)
    backend.scale("Extractor", 2, expected=1)
    up = settled(backend, lambda now: now.ready_replicas == 2)
    assert (up.setpoint, up.replicas) == (2, 2)
    assert first < ray.replicas("auto")
    with pytest.raises(TargetRefusedError, match="max_replicas is 3"):
        backend.scale("Extractor", 4, expected=2)


def test_of_replicas_that_are_auto_the_lower_bound_is_set_and_none_is_replaced(open_backend, ray):
    backend = open_backend("short")
    first, others = ray.replicas("short"), ray.replicas("auto")
    effective = ray.effective("short")
    backend.scale("Extractor", 2, expected=1)
    up = settled(backend, lambda now: now.ready_replicas == 2)
    assert (up.setpoint, up.replicas) == (2, 2)
    assert first < ray.replicas("short")
    assert ray.replicas("auto") == others
    assert ray.effective("short") == effective | {"min_replicas": 2}


def test_a_restart_under_load_fails_no_request_and_keeps_what_the_scaler_set(open_backend, ray):
    backend = open_backend("scaler")
    backend.scale("Extractor", 2, expected=1)
    settled(backend)
    before, others = ray.replicas("scaler"), ray.replicas("plain")
    with load(ray, "scaler") as statuses:
        asked = backend.restart("Extractor", "episode:restart_deployment:1")
        assert (asked.restart_key, asked.settled) == ("episode:restart_deployment:1", False)
        after = settled(backend)
    assert after.ready_replicas == 2
    assert ray.replicas("scaler").isdisjoint(before)
    assert ray.replicas("plain") == others
    assert set(statuses) == {200}
    print(f"{len(statuses)} requests during the restart, all answered")
    replaced = ray.replicas("scaler")
    backend.restart("Extractor", "episode:restart_deployment:1")
    assert settled(backend).ready_replicas == 2
    assert ray.replicas("scaler") == replaced


def test_a_restart_whose_replicas_cannot_start_tells_why_and_is_taken_back(open_backend, ray):
    backend = open_backend("plain")
    before = ray.replicas("plain")
    with load(ray, "plain") as statuses:
        asked = backend.restart("Extractor", "fatal")
        limit = Deadline(SETTLE_SECONDS)
        while not asked.fault and limit.left() > 0:
            time.sleep(0.2)
            asked = backend.deployment("Extractor")
        assert asked.fault == "ValueError: no weights"
        backend.undo_restart("Extractor", None)
        assert settled(backend).restart_key is None
    assert ray.replicas("plain") == before
    assert set(statuses) == {200}


def test_other_resources_replace_the_replicas(open_backend, ray):
    backend = open_backend("plain")
    seen = backend.deployment("Extractor").resources
    assert seen == ResourceAmounts(cpu=0.1, memory=50 * MIB)
    wanted = ResourceAmounts(cpu=0.2, memory=60 * MIB)
    before = ray.replicas("plain")
    backend.set_resources("Extractor", wanted, expected=seen)
    assert settled(backend).resources == wanted
    assert ray.replicas("plain").isdisjoint(before)


def test_what_no_node_holds_is_refused_before_anything_changes(open_backend, ray):
    backend = open_backend("plain")
    seen = backend.deployment("Extractor").resources
    before = ray.configured("plain")
    with pytest.raises(TargetRefusedError, match="no node of the cluster is large enough"):
        backend.set_resources(
            "Extractor", ResourceAmounts(cpu=3, memory=seen.memory), expected=seen
        )
    assert ray.configured("plain") == before


def test_what_is_not_free_never_settles_and_is_undone_without_a_lost_request(open_backend, ray):
    backend = open_backend("plain")
    seen = backend.deployment("Extractor").resources
    before = ray.replicas("plain")
    # Of 2 CPUs the three replicas hold some: a node has that much, but not now.
    wanted = ResourceAmounts(cpu=2, memory=seen.memory)
    with load(ray, "plain") as statuses:
        stuck = backend.set_resources("Extractor", wanted, expected=seen)
        assert (stuck.resources, stuck.settled) == (wanted, False)
        count = len(statuses)
        limit = Deadline(SETTLE_SECONDS)
        while len(statuses) < count + 50 and limit.left() > 0:
            assert not backend.deployment("Extractor").settled
        backend.set_resources("Extractor", seen, expected=wanted)
        assert settled(backend).resources == seen
    assert before == ray.replicas("plain")
    assert len(statuses) > 50
    assert set(statuses) == {200}


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("wrong", 403)])
def test_without_the_token_nothing_is_told(ray, token, status):
    backend = backend_of(ray, "plain", token)
    with pytest.raises(TargetRefusedError, match=f"answered {status}"):
        backend.deployment("Extractor")
    backend.close()
