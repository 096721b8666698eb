"""The cases on a real Alertmanager, with beats of real time."""

import http.client
import json
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from waiting import ANSWER_SECONDS, eventually

from featurewatch_kit.alertmanager.labels import label_set, written
from featurewatch_kit.demo.processes import Processes, free_port
from kit.alertmanager.differential.batch import LABEL, Happened, Run, Told, configuration
from kit.alertmanager.differential.cases import BREAK, END, Case, Event

THREADS = 4
#: Beats from the moment at which the events are planned to the first of them.
LEAD = 1


class Hooks(ThreadingHTTPServer):
    """The webhooks of every receiver."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        self.told: list[Told] = []
        super().__init__(("127.0.0.1", 0), _Hook)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """An Alertmanager that ends leaves its connections."""

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        at = time.time()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.told.append(_told(self.path, body, at))

    def log_message(self, *_: object) -> None:
        pass


def _told(path: str, body: dict[str, Any], at: float) -> Told:
    return Told(
        time=at,
        path=path.strip("/"),
        group=body["groupKey"],
        alerts=tuple((written(label_set(one["labels"])), one["status"]) for one in body["alerts"]),
        starts=tuple(_seconds(one["startsAt"]) for one in body["alerts"]),
    )


def _seconds(text: str) -> float:
    whole, _, rest = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(f"{whole}+00:00") if "+" not in whole else None
    if moment is None:
        return datetime.fromisoformat(text).timestamp()
    return moment.timestamp() + float(f"0.{rest or 0}")


class Real:
    """One Alertmanager with all cases."""

    def __init__(
        self, program: Path, root: Path, folder: Path, numbered: dict[int, Case], beat: float
    ) -> None:
        self._program, self._root, self._folder = program, root, folder
        self._cases, self._beat = numbered, beat
        self._port = free_port()
        self._delay = 0.0
        self._silences: dict[int, list[str]] = {}
        self._happened: list[Happened] = []

    def run(self, breaks: str = "", beats: float = END, delay: float = 0.0) -> Run:
        """Let everything happen; `breaks`: "restart", "kill", "reload" or nothing in between.

        `delay` is --dispatch.start-delay in beats.
        """
        self._delay = delay * self._beat
        with ExitStack() as stack:
            hooks = stack.enter_context(Hooks())
            text = configuration(self._cases, self._beat, hooks.url)
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "alertmanager.yml").write_text(text, encoding="utf-8")
            processes = stack.enter_context(Processes(self._folder / "logs"))
            started = self._start(processes)
            begin = time.time() + LEAD * self._beat
            self._events(begin, lambda at: not breaks or at < BREAK)
            if breaks:
                begin = self._break(processes, breaks, begin)
                self._events(begin, lambda at: at > BREAK)
            end = begin + beats * self._beat
            time.sleep(max(0.0, end - time.time()))
            told = list(hooks.told)
        return Run(
            text=text,
            beat=self._beat,
            numbers=list(self._cases),
            started=started,
            end=end,
            happened=sorted(self._happened, key=lambda one: one.at),
            told=[one for one in told if one.time <= end],
            start_delay=self._delay,
        )

    def _start(self, processes: Processes) -> float:
        options = {
            "config.file": self._folder / "alertmanager.yml",
            "storage.path": self._folder / "data",
            "web.listen-address": f"127.0.0.1:{self._port}",
            "cluster.listen-address": "",
        }
        if self._delay:
            options["dispatch.start-delay"] = f"{self._delay:g}s"
        started = time.time()
        processes.start_program("alertmanager", self._program, self._root, options)
        ready = f"http://127.0.0.1:{self._port}/-/ready"
        eventually(
            lambda: requests.get(ready, timeout=ANSWER_SECONDS).ok,
            despite=(requests.RequestException,),
        )
        return started

    def _break(self, processes: Processes, breaks: str, begin: float) -> float:
        """End and start the process, or read its configuration again; when beat 0 would be."""
        _sleep_until(begin + BREAK * self._beat)
        if breaks == "reload":
            self._happened.append(Happened(time.time(), process="reload"))
            requests.post(
                f"http://127.0.0.1:{self._port}/-/reload", timeout=ANSWER_SECONDS
            ).raise_for_status()
            return begin
        self._happened.append(Happened(time.time(), process=breaks))
        if breaks == "kill":
            processes.kill("alertmanager")
        processes.close()
        self._happened.append(Happened(time.time(), process="start"))
        self._start(processes)
        # On the same beats as before.
        late = math.ceil((time.time() - begin) / self._beat - BREAK)
        return begin + max(0, late) * self._beat

    def _events(self, begin: float, wanted: Callable[[float], bool]) -> None:
        planned = sorted(
            (
                (begin + event.at * self._beat, number, event)
                for number, case in self._cases.items()
                for event in case.events
                if wanted(event.at)
            ),
            key=lambda one: one[:2],
        )
        parts = [[one for one in planned if one[1] % THREADS == n] for n in range(THREADS)]
        threads = [threading.Thread(target=self._send, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, planned: list[tuple[float, int, Event]]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        for at, number, event in planned:
            _sleep_until(at)
            self._happened.append(self._do(connection, at, number, event))
        connection.close()

    def _do(
        self, connection: http.client.HTTPConnection, at: float, number: int, event: Event
    ) -> Happened:
        now = time.time()
        if event.silence:
            ends = at + event.silence["ends"] * self._beat
            body = {
                "matchers": [
                    event.silence["matcher"],
                    {"name": LABEL, "value": str(number), "isRegex": False, "isEqual": True},
                ],
                "startsAt": _text(now),
                "endsAt": _text(ends),
                "createdBy": "test",
                "comment": "test",
            }
            answer = _ask(connection, "POST", "/api/v2/silences", body)
            self._silences.setdefault(number, []).append(answer["silenceID"])
            return Happened(now, number, silence=event.silence | {"ends": ends})
        if event.unsilence is not None:
            _ask(
                connection,
                "DELETE",
                f"/api/v2/silence/{self._silences[number][event.unsilence]}",
                expired_is_fine=True,
            )
            return Happened(now, number, unsilence=event.unsilence)
        alerts = [self._timed(one, at) for one in event.post]
        _ask(connection, "POST", "/api/v2/alerts", [_sent(one, number) for one in alerts])
        return Happened(now, number, post=alerts)

    def _timed(self, alert: dict[str, Any], at: float) -> dict[str, Any]:
        times = {
            key: None if alert[key] is None else round(at + alert[key] * self._beat, 3)
            for key in ("starts", "ends")
        }
        return alert | times


def _sent(alert: dict[str, Any], number: int) -> dict[str, Any]:
    sent = {"labels": alert["labels"] | {LABEL: str(number)}}
    for key, name in (("starts", "startsAt"), ("ends", "endsAt")):
        if alert[key] is not None:
            sent[name] = _text(alert[key])
    return sent


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    *,
    expired_is_fine: bool = False,
) -> Any:
    text = "" if body is None else json.dumps(body)
    connection.request(method, path, text, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200 or expired_is_fine, (path, body, answer.status, content)
    return json.loads(content) if content and answer.status == 200 else None


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.time()))
