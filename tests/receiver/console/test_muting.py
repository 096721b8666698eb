"""Time intervals during which nobody is told: Alertmanager does not tell, so they are counted."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from featurewatch_kit.generate import RECEIVER, generate
from featurewatch_kit.project import load_config
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.config.timeintervals import TimeInterval, ends
from featurewatch_receiver.reconciliation.reconcile import Reconciler
from receiver.api import Api
from receiver.in_process import Receiver
from receiver.live_alertmanager import LiveAlertmanager
from receiver.payloads import Json

ROOT = Path(__file__).parents[3]
EVENING = [{"start_time": "22:00", "end_time": "24:00"}]


@pytest.mark.parametrize(
    ("interval", "moment", "holds"),
    [
        ({"times": EVENING}, "2026-01-02T21:59:59", False),
        ({"times": EVENING}, "2026-01-02T22:00:00", True),
        ({"times": EVENING}, "2026-01-02T23:59:59", True),
        ({"times": EVENING}, "2026-01-03T00:00:00", False),
        ({"times": EVENING, "location": "Asia/Kolkata"}, "2026-01-02T16:30:00", True),
        ({"times": EVENING, "location": "Asia/Kolkata"}, "2026-01-02T22:00:00", False),
        ({"times": EVENING, "location": "Nowhere"}, "2026-01-02T22:00:00", False),
        ({"weekdays": ["Sunday"]}, "2026-01-04T12:00:00", True),
        ({"weekdays": ["monday:friday"]}, "2026-01-04T12:00:00", False),
        ({"weekdays": ["sunday:saturday"]}, "2026-01-03T12:00:00", True),
        ({"days_of_month": ["-3:-1"]}, "2026-02-26T12:00:00", True),
        ({"days_of_month": ["-3:-1"]}, "2026-02-25T12:00:00", False),
        ({"days_of_month": ["1:-1"]}, "2028-02-29T12:00:00", True),
        ({"months": ["january:march"]}, "2026-03-31T12:00:00", True),
        ({"months": ["4:12"]}, "2026-03-31T12:00:00", False),
        ({"years": ["2026:2027"]}, "2028-01-01T00:00:00", False),
        ({"weekdays": ["friday"], "times": EVENING}, "2026-01-02T12:00:00", False),
        ({"weekdays": ["friday"], "times": EVENING}, "2026-01-02T22:30:00", True),
    ],
)
def test_an_interval_holds_as_alertmanager_counts(interval: Json, moment: str, holds: bool) -> None:
    time = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert TimeInterval.model_validate(interval).holds(time) is holds


def test_the_end_is_that_of_the_last_of_several_that_follow_each_other() -> None:
    night = {"times": [*EVENING, {"start_time": "00:00", "end_time": "06:00"}]}
    named = {"nights": [TimeInterval.model_validate(night)]}
    begin, day = datetime(2026, 1, 2, 22, 30, 5, tzinfo=UTC), timedelta(days=1)
    assert ends(named, ["nights"], begin, day) == datetime(2026, 1, 3, 6, tzinfo=UTC)
    always = {"always": [TimeInterval.model_validate({"years": ["2026"]})]}
    assert ends(always, ["always"], begin, day) is None


def test_the_receivers_file_says_which_severity_is_quiet_when(tmp_path: Path) -> None:
    overlay: dict[str, Any] = {
        "routing": {
            "severities": {"low": {"mute_time_intervals": ["evenings"]}},
            "time_intervals": {"evenings": [{"times": EVENING}]},
        }
    }
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    told = yaml.safe_load(generate(load_config(ROOT, [file]), ROOT)[RECEIVER])["notifications"]
    assert told["mute_times"] == {"low": ["evenings"]}
    assert told["time_intervals"]["evenings"][0]["times"] == EVENING


def test_nobody_is_said_to_be_told_within_such_an_interval(
    live: LiveAlertmanager, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["notifications"] = {
        "mute_times": {"critical": ["all_day"]},
        "time_intervals": {"all_day": [{"years": ["2026"]}]},
    }
    receiver = make_receiver()
    live.fire(1)
    live.wait_told(1)
    receiver.clock.now = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    end = {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
    receiver.deliver(*(found | end for found in live.alerts()))
    with closing(Alertmanager(live.url)) as client:
        reconciler = Reconciler(receiver.core, receiver.queue, client, None)
        told = []
        for _ in range(2):
            reconciler.look()
            told.append(len(Api(receiver).read("/notifications")["notifications"]))
            receiver.clock.now += timedelta(minutes=1)
    assert told == [0, 1]
