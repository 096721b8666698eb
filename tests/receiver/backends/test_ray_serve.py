"""The backend `ray_serve` against recorded answers of Ray 2.60.0 (tests/recorded/ray)."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from featurewatch_receiver.backends.base import Deployments, ResourceAmounts, Resources
from featurewatch_receiver.backends.ray_serve import RayServeClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import RayServeBackend as Settings
from featurewatch_receiver.errors import TargetChangedError, TargetRefusedError, TargetSilentError
from receiver.replay import ANYTHING, Exchange, Replay, recorded, replaying

NAME = "FeatureExtractor"
KEY = "2026-01-01T00:00:00Z"
#: The variable of the recorded restart.
RECORDED_VARIABLE = "RESTARTED_AT"
MIB = 2**20

Open = Callable[..., RayServeClient]
Json = dict[str, Any]


@pytest.fixture
def server() -> Iterator[Replay]:
    with replaying() as replay:
        yield replay


@pytest.fixture
def open_backend(server: Replay) -> Iterator[Open]:
    opened = []

    def open_it(
        application: str = "features",
        surge: int = 100,
        token: str | None = None,
        timeout: str = "2s",
    ) -> RayServeClient:
        settings = Settings(
            kind="ray_serve",
            url=server.url,
            application=application,
            max_surge_percent=surge,
            request_timeout=timeout,
        )
        opened.append(RayServeClient(settings, token, Deadline(60)))
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


def changed(name: str, change: Callable[[Json], Any]) -> Exchange:
    """A recorded state of Ray Serve in which one thing is different."""
    exchange = recorded(f"ray/{name}")
    answer = copy.deepcopy(exchange.answer)
    change(answer)
    return exchange.but(answer=answer)


def ours(name: str) -> Exchange:
    """A recording of the restart, with our variable."""
    exchange = recorded(f"ray/{name}")

    def renamed(value: Any) -> Any:
        return json.loads(json.dumps(value).replace(RECORDED_VARIABLE, "FEATUREWATCH_RESTART"))

    return exchange.but(asked=renamed(exchange.asked), answer=renamed(exchange.answer))


def without_scaler(name: str) -> Exchange:
    return changed(name, lambda all_: switch_off(all_["applications"]["features"]))


def switch_off(application: Json) -> None:
    application["external_scaler_enabled"] = False


PUT = recorded("ray/put_num_replicas_3").but(asked=ANYTHING, name="any PUT")


def entry(server: Replay, application: str = "features", name: str = NAME) -> Json:
    """What the PUT said of a deployment."""
    (body,) = [sent.body for sent in server.sent if sent.method == "PUT"]
    (app,) = [app for app in body["applications"] if app["name"] == application]
    (found,) = [each for each in app["deployments"] if each["name"] == name]
    return dict(found)


def test_it_offers_deployments_and_resources(open_backend: Open) -> None:
    assert isinstance(open_backend(), Deployments)
    assert isinstance(open_backend(), Resources)


#: By state: replicas wanted, replicas ready, settled.
STATES = {
    "get_running": (1, 1, True),
    "get_external_scaling_in_progress_status_stays_healthy": (3, 1, False),
    "get_external_scaled_3": (3, 3, True),
    "get_external_downscaling_stopping": (1, 1, False),
    "get_upscaling": (3, 1, False),
    "get_upscale_completed": (3, 3, True),
    "get_rolling_restart_in_progress": (3, 3, False),
    "get_rolling_restart_done": (3, 3, True),
    "get_infeasible_stuck_updating": (3, 3, False),
}


@pytest.mark.parametrize("state", STATES)
def test_a_deployment_is_settled_when_nothing_starts_or_stops(
    open_backend: Open, server: Replay, state: str
) -> None:
    server.expect(f"ray/{state}")
    seen = open_backend().deployment(NAME)
    assert (seen.replicas, seen.ready_replicas, seen.settled) == STATES[state]
    assert seen.fault is None
    assert seen.resources == ResourceAmounts(cpu=0.1)


def test_a_deployment_that_failed_tells_why(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_deploy_failed_unknown_deployment", "ray/get_deploy_failed_constructor")
    early = open_backend().deployment(NAME)
    assert (early.replicas, early.ready_replicas, early.settled) == (3, 0, False)
    assert early.fault is not None
    assert early.fault.startswith("ValueError: Deployment 'NoSuch' does not exist.")
    late = open_backend("plain").deployment("Extractor")
    assert (late.ready_replicas, late.settled) == (1, False)
    assert late.fault == "ValueError: no weights"


def test_the_scaler_endpoint_is_used_where_it_is_on(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_running", "ray/scale_ok_3")
    # Taken up a moment later.
    server.expect("ray/get_running", "ray/get_external_scaling_in_progress_status_stays_healthy")
    scaled = open_backend(token="a-token").scale(NAME, 3, expected=1)
    assert (scaled.replicas, scaled.settled) == (3, False)
    headers = server.sent[0].headers
    assert headers["Authorization"] == "Bearer a-token"
    assert headers["User-Agent"].startswith("featurewatch-receiver/")
    server.expect(
        "ray/get_external_scaled_3", "ray/scale_back_1", "ray/get_external_downscaling_stopping"
    )
    assert open_backend().scale(NAME, 1, expected=3).replicas == 1


def test_elsewhere_the_whole_configuration_is_put_with_one_number_changed(
    open_backend: Open, server: Replay
) -> None:
    server.expect(without_scaler("get_running"), "ray/put_num_replicas_3", "ray/get_upscaling")
    scaled = open_backend().scale(NAME, 3, expected=1)
    assert (scaled.replicas, scaled.ready_replicas) == (3, 1)


def test_of_an_autoscaled_deployment_the_lower_bound_is_set(
    open_backend: Open, server: Replay
) -> None:
    server.expect("ray/get_autoscaled", "ray/put_autoscaled_min_2", "ray/get_autoscaled_min_2")
    scaled = open_backend("auto").scale("Extractor", 2, expected=1)
    bounds = (scaled.autoscaler, scaled.autoscaler_min, scaled.autoscaler_max)
    assert bounds == ("Ray Serve autoscaling", 2, 3)
    server.expect("ray/get_autoscaled")
    with pytest.raises(TargetRefusedError, match="4 replicas: max_replicas is 3"):
        open_backend("auto").scale("Extractor", 4, expected=1)


@pytest.mark.parametrize("setpoint", [0, -1])
def test_no_replicas_at_all_are_refused(open_backend: Open, server: Replay, setpoint: int) -> None:
    server.expect("ray/get_running")
    with pytest.raises(TargetRefusedError, match="the least is 1"):
        open_backend().scale(NAME, setpoint, expected=1)


def test_what_is_reached_already_is_not_asked_for_again(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_external_scaled_3", ours("get_rolling_restart_done"))
    assert open_backend().scale(NAME, 3, expected=1).replicas == 3
    assert open_backend().restart(NAME, KEY).settled
    server.expect("ray/get_external_scaled_3")
    cpu = ResourceAmounts(cpu=0.1)
    assert open_backend().set_resources(NAME, cpu, expected=ResourceAmounts(cpu=1)).settled


def test_what_somebody_else_has_changed_is_left_alone(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_external_scaled_3", "ray/get_external_scaled_3")
    with pytest.raises(TargetChangedError, match="3 replicas instead of 1"):
        open_backend().scale(NAME, 2, expected=1)
    wanted, other = ResourceAmounts(cpu=0.4), ResourceAmounts(cpu=0.2)
    with pytest.raises(TargetChangedError, match=r"cpu=0\.1.* instead of .*cpu=0\.2"):
        open_backend().set_resources(NAME, wanted, expected=other)


def test_two_of_one_process_change_one_after_the_other(open_backend: Open, server: Replay) -> None:
    scaling = "ray/get_external_scaling_in_progress_status_stays_healthy"
    server.expect("ray/get_running", "ray/scale_ok_3", scaling, scaling)
    together = threading.Barrier(2)

    def scale(backend: RayServeClient) -> None:
        together.wait()
        backend.scale(NAME, 3, expected=1)

    threads = [threading.Thread(target=scale, args=(open_backend(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_restart_puts_its_key_into_the_environment(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_upscale_completed", ours("put_rolling_restart"))
    server.expect(ours("get_rolling_restart_in_progress"))
    asked = open_backend().restart(NAME, KEY)
    assert (asked.restart_key, asked.settled) == (KEY, False)


def test_what_cannot_be_seen_after_a_change_counts_as_silence_and_not_as_a_refusal(
    open_backend: Open, server: Replay
) -> None:
    server.expect("ray/get_upscale_completed", ours("put_rolling_restart"))
    server.expect("ray/get_deploying_no_deployments", ours("get_rolling_restart_in_progress"))
    assert open_backend().restart(NAME, KEY).restart_key == KEY
    server.expect("ray/get_upscale_completed", ours("put_rolling_restart"))
    server.expect(*["ray/get_deploying_no_deployments"] * 50)
    with pytest.raises(TargetSilentError, match="application features is DEPLOYING"):
        open_backend(timeout="1s").restart(NAME, KEY)
    server.forget()


def test_a_restart_is_taken_back_by_taking_its_key_away(open_backend: Open, server: Replay) -> None:
    server.expect(ours("get_rolling_restart_in_progress"), PUT, "ray/get_upscale_completed")
    assert open_backend().undo_restart(NAME, None).restart_key is None
    assert entry(server)["ray_actor_options"] == {"num_cpus": 0.1}
    assert entry(server)["max_surge_percent"] == 100


def test_a_restart_keeps_the_number_that_the_scaler_endpoint_has_set(
    open_backend: Open, server: Replay
) -> None:
    """Three replicas run; the configuration still says one."""
    server.expect("ray/get_external_scaled_3", PUT, ours("get_rolling_restart_in_progress"))
    open_backend().restart(NAME, KEY)
    assert entry(server)["num_replicas"] == 3
    assert entry(server, name="Embedder")["num_replicas"] == 1


def test_a_deployment_that_only_its_code_describes_keeps_the_options_of_the_code(
    open_backend: Open, server: Replay
) -> None:
    def restarted(all_: Json) -> None:
        runs = all_["applications"]["other"]["deployments"][NAME]["deployment_config"]
        runs["ray_actor_options"]["runtime_env"] = {"env_vars": {"FEATUREWATCH_RESTART": KEY}}

    server.expect("ray/get_running", PUT, changed("get_running", restarted))
    open_backend("other").restart(NAME, KEY)
    assert entry(server, "other") == {
        "name": NAME,
        "ray_actor_options": {
            "num_cpus": 0.1,
            "runtime_env": {"env_vars": {"FEATUREWATCH_RESTART": KEY}},
        },
        "max_surge_percent": 100,
    }


def test_resources_are_set_beside_the_other_options(open_backend: Open, server: Replay) -> None:
    def given(all_: Json) -> None:
        runs = all_["applications"]["features"]["deployments"][NAME]["deployment_config"]
        runs["ray_actor_options"] |= {"num_cpus": 0.5, "memory": 64.0 * MIB}

    done = ours("get_rolling_restart_done")
    server.expect(done, "ray/nodes", PUT, changed("get_rolling_restart_done", given))
    wanted = ResourceAmounts(cpu=0.5, memory=64 * MIB)
    changed_ = open_backend().set_resources(NAME, wanted, expected=ResourceAmounts(cpu=0.1))
    assert changed_.resources == wanted
    assert entry(server)["ray_actor_options"] == {
        "num_cpus": 0.5,
        "memory": 64 * MIB,
        "runtime_env": {"env_vars": {"FEATUREWATCH_RESTART": KEY}},
    }
    assert entry(server)["max_surge_percent"] == 100


@pytest.mark.parametrize(
    "wanted", [ResourceAmounts(cpu=2.5), ResourceAmounts(cpu=0.1, memory=64 * 1024 * MIB)]
)
def test_what_no_node_holds_is_refused(
    open_backend: Open, server: Replay, wanted: ResourceAmounts
) -> None:
    """The recorded node has 2 CPUs and 22 GiB."""
    server.expect("ray/get_running", "ray/nodes")
    with pytest.raises(TargetRefusedError, match="no node of the cluster is large enough"):
        open_backend().set_resources(NAME, wanted, expected=ResourceAmounts(cpu=0.1))


def without_surge(all_: Json) -> None:
    """An older version, which has no such field."""
    del all_["applications"]["features"]["deployments"][NAME]["deployment_config"][
        "max_surge_percent"
    ]


def test_resources_are_not_changed_where_old_replicas_would_stop_first(
    open_backend: Open, server: Replay
) -> None:
    server.expect(changed("get_running", without_surge))
    with pytest.raises(TargetRefusedError, match="write max_surge_percent: 0 to accept that"):
        open_backend().set_resources(
            NAME, ResourceAmounts(cpu=0.2), expected=ResourceAmounts(cpu=0.1)
        )
    server.expect(changed("get_running", without_surge), PUT, ours("get_rolling_restart_done"))
    open_backend().restart(NAME, KEY)
    assert "max_surge_percent" not in entry(server)


def app_of(all_: Json, name: str = "features") -> Json:
    return dict(all_["applications"])[name]


REFUSALS: list[tuple[Callable[[Json], Any], str]] = [
    (
        lambda all_: all_["applications"].pop("features"),
        "no application 'features'; there are: oth",
    ),
    (lambda all_: app_of(all_)["deployments"].pop(NAME), "no deployment 'FeatureExtractor'; there"),
    (
        lambda all_: app_of(all_).update(deployed_app_config=None, source="imperative"),
        "was deployed by serve.run",
    ),
    (
        lambda all_: app_of(all_, "other").update(status="DELETING"),
        "application other is DELETING; nothing can be put",
    ),
    (
        lambda all_: app_of(all_, "other").update(deployed_app_config=None),
        "application other is RUNNING; nothing can be put",
    ),
    (lambda all_: all_.update(target_capacity=50.0), "target_capacity is 50"),
    (
        lambda all_: app_of(all_, "other")["deployed_app_config"].update(
            runtime_env={"env_vars": {"SECRET": "<redacted>"}}
        ),
        "shows <redacted> instead of values",
    ),
]


@pytest.mark.parametrize(("change", "words"), REFUSALS)
def test_nothing_is_put_that_would_lose_something(
    open_backend: Open, server: Replay, change: Callable[[Json], Any], words: str
) -> None:
    server.expect(changed("get_running", change))
    with pytest.raises(TargetRefusedError, match=words):
        open_backend().restart(NAME, KEY)


def test_an_imperative_application_beside_it_is_not_put(open_backend: Open, server: Replay) -> None:
    def imperative(all_: Json) -> None:
        app_of(all_, "other").update(deployed_app_config=None, source="imperative")

    server.expect(changed("get_running", imperative), PUT, ours("get_rolling_restart_done"))
    open_backend().restart(NAME, KEY)
    assert [app["name"] for app in server.sent[1].body["applications"]] == ["features"]


@pytest.mark.parametrize("beside", [{}, {"min_replicas": 1}])
def test_of_replicas_that_are_auto_the_bound_beside_it_is_set(
    open_backend: Open, server: Replay, beside: Json
) -> None:
    server.expect(
        changed("get_autoscaled", auto(beside)),
        recorded("ray/put_autoscaled_min_2").but(asked=ANYTHING),
        "ray/get_autoscaled_min_2",
    )
    assert open_backend("auto").scale("Extractor", 2, expected=1).autoscaler_min == 2
    [put] = [app for app in server.sent[1].body["applications"] if app["name"] == "auto"]
    [entry] = put["deployments"]
    assert (entry["num_replicas"], entry["autoscaling_config"]) == ("auto", {"min_replicas": 2})


def test_replicas_that_are_auto_alone_are_refused_with_what_to_write(
    open_backend: Open, server: Replay
) -> None:
    """To add autoscaling_config replaces every replica, as was seen on Ray 2.60.0."""
    server.expect(changed("get_autoscaled", auto(None)))
    with pytest.raises(TargetRefusedError, match="auto alone; write 'autoscaling_config"):
        open_backend("auto").scale("Extractor", 2, expected=1)


def auto(beside: Json | None) -> Callable[[Json], None]:
    """Replicas `auto`, with what is written beside it."""

    def change(all_: Json) -> None:
        [entry] = app_of(all_, "auto")["deployed_app_config"]["deployments"]
        entry |= {"num_replicas": "auto", "autoscaling_config": beside}

    return change


def test_autoscaling_that_only_the_code_sets_is_not_overridden(
    open_backend: Open, server: Replay
) -> None:
    def in_code(all_: Json) -> None:
        del app_of(all_, "auto")["deployed_app_config"]["deployments"][0]["autoscaling_config"]

    server.expect(changed("get_autoscaled", in_code))
    with pytest.raises(TargetRefusedError, match="the autoscaling of Extractor is set in its code"):
        open_backend("auto").scale("Extractor", 2, expected=1)


def test_an_application_that_cannot_be_seen_is_refused(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_serve_not_running", "ray/get_deploying_no_deployments")
    with pytest.raises(TargetRefusedError, match=r"there are: none; is Serve running\?"):
        open_backend().deployment(NAME)
    with pytest.raises(TargetRefusedError, match="application features is DEPLOYING"):
        open_backend().deployment(NAME)


def test_the_words_of_a_refusal_are_told(open_backend: Open, server: Replay) -> None:
    server.expect("ray/get_running", recorded("ray/scale_serve_not_running").but(asked=ANYTHING))
    with pytest.raises(TargetRefusedError, match=r"answered 503 .*controller is not available"):
        open_backend().scale(NAME, 2, expected=1)
    zero = recorded("ray/put_num_replicas_zero_400").but(asked=ANYTHING)
    server.expect(without_scaler("get_running"), zero)
    with pytest.raises(TargetRefusedError, match="answered 400 2 validation errors"):
        open_backend().scale(NAME, 2, expected=1)
