"""Actions of other packages: the example of docs/plugins.md, found and run; and faulty ones.

Nothing is installed: a folder with a distribution's metadata is enough to be found.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from featurewatch_receiver.actions import BUILT_IN, actions
from featurewatch_receiver.automation.prepare import Task
from featurewatch_receiver.checks import load_receiver_config
from featurewatch_receiver.config.receiver import Actions
from featurewatch_receiver.errors import ConfigError
from receiver.flows import Flow
from receiver.payloads import Json, alert

NAME = "reload_model"
SETTINGS: Json = {
    "mode": "auto",
    "cooldown": "1h",
    "attempts": {"episode": 1, "hour": 1, "day": 4},
    "timeout": None,
    "verify": "0s",
}


class Distribution:
    """A package on sys.path, with entry points."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        patch.syspath_prepend(str(folder))

    def bring(self, package: str, entry_points: str, source: str) -> None:
        (self._folder / f"{package}.py").write_text(source)
        info = self._folder / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        actions.cache_clear()


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Distribution]:
    before = set(sys.modules)
    folder = tmp_path / "packages"
    folder.mkdir()
    yield Distribution(folder, monkeypatch)
    monkeypatch.undo()
    actions.cache_clear()
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == str(folder / f"{name}.py"):
            del sys.modules[name]


def documented(root: Path, language: str) -> list[str]:
    """The blocks of the document in a language."""
    text = (root / "docs/plugins.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def example(root: Path, distribution: Distribution) -> None:
    """The document's package is there."""
    (toml,), (python,) = documented(root, "toml"), documented(root, "python")
    group = re.search(r'entry-points\."(.+)"\]\n(\w+) = "(.+)"', toml)
    assert group
    points = f"[{group[1]}]\n{group[2]} = {group[3]}\n"
    distribution.bring("featurewatch_reload", points, python)


class Models(BaseHTTPRequestHandler):
    """A service that loads models."""

    model: Json
    puts: list[Json]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body:
            self.puts.append(json.loads(body))
            self.model["loaded"] = self.puts[-1]["load"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.model).encode())

    do_GET = do_PUT = _answer  # noqa: N815


@pytest.fixture
def models() -> Iterator[tuple[str, type[Models]]]:
    bound = type("Bound", (Models,), {"model": {"loaded": 17, "newest": 18}, "puts": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", bound
    server.shutdown()
    server.server_close()
    thread.join()


def use(settings: Json, url: str) -> None:
    settings["responses"]["actions"][NAME] = SETTINGS | {"options": {"url": url}}
    settings["alerts"]["FeatureExtractionLatencyCritical"]["responses"] = [NAME]


@pytest.mark.usefixtures("example")
def test_the_documents_example_is_found_and_runs(
    make_flow: Callable[[], Flow], settings: Json, models: tuple[str, type[Models]]
) -> None:
    url, service = models
    use(settings, url)
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    row = flow.rows()[0]
    assert (row.action, row.state) == (NAME, "done")
    assert row.plan == {"url": f"{url}/models/cnn_lstm_model", "version": 18}
    assert service.puts == [{"load": 18}]
    flow.deliver(alert(end=flow.clock.now))
    flow.later(hours=2)
    flow.deliver(alert(start=flow.clock.now))
    flow.work()
    assert flow.became()[-1] == (NAME, "skipped", "nothing_to_do")
    assert len(service.puts) == 1


@pytest.mark.usefixtures("example")
def test_a_crash_between_act_and_record_does_not_load_twice(
    make_flow: Callable[[], Flow],
    settings: Json,
    models: tuple[str, type[Models]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, service = models
    use(settings, url)
    first = make_flow()
    first.deliver(alert())
    row_id = first.only().id
    assert first.remediator.prepare(row_id)

    def vanish(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(Task, "enter", vanish)
    with pytest.raises(SystemExit):
        first.remediator.carry_out(row_id)
    monkeypatch.undo()
    assert make_flow().run(row_id).state == "done"
    assert service.puts == [{"load": 18}]


@pytest.mark.usefixtures("example")
def test_the_file_of_a_receiver_with_plugins_is_checked(
    write_config: Callable[[], Path], settings: Json
) -> None:
    use(settings, "http://models:8000")
    config = load_receiver_config(write_config())
    assert config.responses.actions.get(NAME).cooldown == "1h"
    settings["responses"]["actions"]["reload_modle"] = SETTINGS
    with pytest.raises(
        ConfigError, match=r"reload_modle: no action is named so; write reload_model"
    ):
        load_receiver_config(write_config())


def test_without_the_package_its_settings_are_a_fault(
    write_config: Callable[[], Path], settings: Json
) -> None:
    use(settings, "http://models:8000")
    with pytest.raises(ConfigError, match=r"actions\.reload_model: no action is named so"):
        load_receiver_config(write_config())


@pytest.mark.parametrize(
    ("point", "source", "said"),
    [
        ("clear_cache = odd:Odd", "", "plugin odd:Odd: clear_cache is taken; give it another name"),
        ("odd = odd:Odd", "raise OSError('no')", "plugin odd:Odd: can't be loaded (OSError('no'))"),
        ("odd = odd:Gone", "", "plugin odd:Gone: can't be loaded (AttributeError"),
        ("odd = odd:Odd", "class Odd: pass", "plugin odd:Odd: is no featurewatch_receiver Action"),
        (
            "odd = odd:Odd",
            "from featurewatch_receiver.actions.base import Action\nclass Odd(Action): pass",
            "plugin odd:Odd: can't be loaded (TypeError",
        ),
    ],
)
def test_a_faulty_package_is_one_clear_line(
    distribution: Distribution, point: str, source: str, said: str
) -> None:
    distribution.bring("odd", f"[featurewatch_receiver.actions]\n{point}\n", source)
    with pytest.raises(ConfigError) as error:
        actions()
    (problem,) = error.value.problems
    assert problem.startswith(said)
    assert "\n" not in problem


def test_six_actions_are_there_by_name_without_any_plugin() -> None:
    """And nothing of a test stays installed."""
    assert actions() == BUILT_IN
    assert sorted(BUILT_IN) == [
        "clear_cache",
        "optimize_resources",
        "restart_deployment",
        "scale_down_deployment",
        "scale_up_deployment",
        "trigger_retraining",
    ]
    assert sorted(Actions.model_fields) == sorted(BUILT_IN)
