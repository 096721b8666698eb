"""The rule that is scored is the generated one, and a real Prometheus evaluates it."""

import time

import pytest
import yaml
from waiting import eventually

from bench import history, nab
from bench.backfill import backfilled
from bench.figures import BenchError
from bench.nab import Series
from bench.subjects import unusual
from bench.timelines import by_rows
from featurewatch_kit.generate import evaluate
from featurewatch_kit.project import load_config


def test_without_the_benchmark_there_is_a_line_and_no_score(monkeypatch, capsys, root, tmp_path):
    monkeypatch.delenv("NAB_DATA", raising=False)
    monkeypatch.setattr(history, "cost", lambda *_: iter(()))
    assert list(unusual.run(root, tmp_path)) == []
    assert capsys.readouterr().err == (
        "bench: unusual: no score, since NAB_DATA names no copy of NAB\n"
    )


def test_nothing_that_is_recorded_is_left_in_the_expression(root, tmp_path):
    rule = unusual.generated(root, tmp_path, {"margin": 0.25, "window": "9d", "cooldown": "10m"})
    expression = rule.over("SERIES")
    assert "featurewatch:" not in expression
    assert "extractor:" not in expression
    assert expression.count("max_over_time(SERIES[9d:5m] offset 5m)") == 1
    assert expression.count("min_over_time(SERIES[9d:5m] offset 5m)") == 1
    assert expression.count("0.25 * stddev_over_time(SERIES[9d:5m] offset 5m)") == 2
    assert rule.cooldown == 600


def test_what_is_not_recorded_is_refused():
    with pytest.raises(BenchError, match="reads what its rules do not record"):
        unusual.written_out({"featurewatch:unusual": "x > featurewatch:usual_most"})


# A day and an hour that are alike, and what comes then.
DAY = [40.0, 60.0] * 150
ODD = {300: 70.0, 301: 90.0, 320: 39.0, 330: 90.5}


def test_prometheus_finds_what_is_beyond_all_before_it_and_tells_it_once(root, tmp_path):
    values = [*DAY, *[50.0] * 60]
    values[100] = 60.5
    for row, value in ODD.items():
        values[row] = value
    corpus = [
        Series(name="a", times=list(range(len(values))), values=values, windows=[(299, 305)]),
        Series(name="young", times=list(range(250)), values=[*DAY[:240], *[90.0] * 10], windows=[]),
    ]
    lines = by_rows(corpus)
    rule = unusual.generated(root, tmp_path, {})
    with backfilled(root, tmp_path, (s for line in lines for s in line.samples())) as past:
        detected = unusual._detected(past, rule, lines)
    # Row 301 and 330 fire within the cooldown or margin; 320 is below all, an hour and more later.
    assert detected == {"a": [300, 320], "young": []}
    assert nab.file_score(corpus[0], detected["a"], nab.Weights(found=1, missed=1, noise=0.11)) > 0


def test_promtool_says_what_is_wrong_with_samples(root, tmp_path):
    with (
        pytest.raises(BenchError, match="promtool takes no samples"),
        backfilled(root, tmp_path, [("no series", 1, 1.0)]),
    ):
        pass


def test_the_cost_is_of_what_the_alert_adds_alone(root, tmp_path, monkeypatch):
    monkeypatch.setattr(history, "EXTRACTORS", 1)
    monkeypatch.setattr(history, "EVALUATIONS", 1)
    monkeypatch.setattr(history, "_PACE", "1s")
    monkeypatch.setattr(history, "_samples", lambda *_: iter([("up", 1, 1.0)]))
    figures = {f.name: f.value for f in history.cost(root, tmp_path / "x", unusual.NAME)}
    assert list(figures) == [
        "unusual.cost.featurewatch.history",
        "unusual.cost.featurewatch.alerts",
        "unusual.cost.share_of_a_processor",
    ]
    share = figures["unusual.cost.featurewatch.history"] / 300
    share += figures["unusual.cost.featurewatch.alerts"] / 15
    assert figures["unusual.cost.share_of_a_processor"] == pytest.approx(share)


def test_prometheus_tells_what_is_unusual_at_this_moment(root, tmp_path):
    """The rules themselves, in their groups: what they record, and the message."""
    file = tmp_path / "on.yaml"
    file.write_text(yaml.safe_dump({"alerts": {unusual.NAME: {"enabled": True, "window": "2d"}}}))
    groups = history.groups_of(evaluate(load_config(root, [file]), root), unusual.NAME)
    series = 'extractor:feature_extraction_duration_seconds:p95_5m{extractor="a"}'
    now = int(time.time())
    usual = ((series, at, 0.05 + 0.01 * (at // 300 % 2)) for at in range(now - 172800, now, 60))
    samples = [*usual, (series, now, 0.2)]
    rules = [history.paced(groups, tmp_path / "rules.yaml")]
    with backfilled(root, tmp_path, samples, rules) as past:
        (alert,) = eventually(lambda: past.get("/api/v1/alerts")["data"]["alerts"])
    assert alert["labels"]["measured"] == "p95_seconds"
    assert alert["annotations"]["description"] == (
        "a is not as it usually is: Latency, 95th percentile: 200ms, usually from 49.6ms to 60.4ms"
        " within 2d"
    )
