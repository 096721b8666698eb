"""docs/metrics.md tells of every series, and of none that does not exist."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from featurewatch import METRICS, Extractor, watch_resources
from featurewatch_kit import generate
from featurewatch_kit.cli import main
from featurewatch_kit.metricsdoc import GROUPS, stem
from featurewatch_kit.project import load_config
from featurewatch_receiver.metrics import Metrics

Rows = dict[str, list[str]]


@pytest.fixture(scope="module")
def files(root: Path) -> dict[str, str]:
    """Every file that the defaults generate now."""
    return generate.generate(load_config(root, []), root)


@pytest.fixture(scope="module")
def text(files: dict[str, str]) -> str:
    """The document among them."""
    return files[generate.METRICS]


@pytest.fixture(scope="module")
def recorded(files: dict[str, str]) -> set[str]:
    """Names of the recorded series."""
    return set(re.findall(r"record: (\S+)", files[generate.RULES] + files[generate.ALERTS]))


def tables(text: str, first: str, second: str) -> Rows:
    """Rows of the tables with these first two heads, by the name in their first cell."""
    found: Rows = {}
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [_cells(line) for line in table.splitlines()]
        assert {len(row) for row in rows} == {len(head)}
        if head[:2] == [first, second]:
            assert not found.keys() & {row[0] for row in rows}, "one place for each"
            found |= {row[0].strip("`"): row[1:] for row in rows}
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line[1:-1].split("|")]


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


@pytest.fixture(scope="module")
def metrics(text: str) -> Rows:
    """Every metric but the recorded series: what services and the receiver expose."""
    return tables(text, "metric", "type")


@pytest.fixture(scope="module")
def readers(text: str) -> Rows:
    """Recorded series, alerts and panels by metric."""
    return tables(text, "metric", "recorded as")


def exposed(exposition: bytes) -> set[str]:
    """Names of the families, without the times at which prometheus-client made their series."""
    families = text_string_to_metric_families(exposition.decode())
    names = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    return {name for name in names if not name.endswith("_created")}


def test_every_metric_that_the_library_exposes_is_in_the_document(metrics: Rows) -> None:
    registry = CollectorRegistry()
    Extractor(registry=registry).record(0.1, fallback="slow", error="odd")
    watch_resources(registry=registry)
    names = exposed(generate_latest(registry))
    assert len(names) > 10
    assert names <= metrics.keys()


def test_metrics_of_services_are_those_of_the_contract_with_its_words(metrics: Rows) -> None:
    ours = {name: row[:4] for name, row in metrics.items() if name.startswith("feature_")}
    assert ours == {m.name: [m.type, m.unit, _code(m.labels[1:]), m.help] for m in METRICS}


def test_every_metric_of_a_service_says_what_it_is_for(metrics: Rows) -> None:
    assert [n for n, row in metrics.items() if n.startswith("feature_") and not row[-1]] == []


def test_every_bucket_bound_is_told(text: str) -> None:
    told = re.findall(r"^- Buckets of `(\w+)`: (.+)\.$", text, re.MULTILINE)
    bounds = {name: tuple(map(float, values.split(", "))) for name, values in told}
    assert bounds == {m.name: m.buckets for m in METRICS if m.buckets}


def test_metrics_of_the_receiver_are_those_that_it_exposes(metrics: Rows) -> None:
    receiver = Metrics()
    names = {name for name in metrics if not name.startswith("feature_extraction_")}
    assert names == exposed(receiver.text())
    for family in text_string_to_metric_families(receiver.text().decode()):
        row = metrics.get(family.name) or metrics.get(f"{family.name}_total")
        if row:
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            assert (row[0], row[2]) == (family.type, family.documentation)
            # A family without events has no series yet, and so no labels to see.
            assert not labels or set(re.findall(r"\w+", row[1])) == labels


def test_every_recorded_series_is_in_the_document_and_explained(
    text: str, recorded: set[str]
) -> None:
    rows = tables(text, "series", "what it is")
    assert rows.keys() == recorded
    assert [name for name, row in rows.items() if not row[0]] == []


def test_every_series_in_the_document_exists(text: str, recorded: set[str]) -> None:
    known = {metric.name for metric in METRICS} | exposed(Metrics().text()) | recorded
    named = set(re.findall(r"(?:[a-z_]+:)?feature(?:watch|_extraction)_[\w:]*[a-z0-9]", text))
    assert named - known == set()


def test_every_alert_and_file_in_the_document_exists(
    text: str, files: dict[str, str], root: Path
) -> None:
    alerts = set(re.findall(r"alert: (\S+)", files[generate.ALERTS]))
    named = set(re.findall(r"\bFeature[A-Z]\w+", text))
    assert len(named) > 10
    assert named <= alerts
    assert [
        link for link in re.findall(r"\]\(([^)]+)\)", text) if not (root / "docs" / link).is_file()
    ] == []


@pytest.mark.parametrize(
    ("metric", "record", "alert", "panel"),
    [
        (
            "feature_extraction_duration_seconds",
            "extractor_le:feature_extraction_duration_seconds_bucket:rate5m",
            "FeatureExtractionLatencyCritical",
            "Latency, 95th percentile",
        ),
        (
            "feature_extraction_snapshot_cache_hit_ratio",
            "extractor:feature_extraction_cache_hits:ratio_rate5m",
            "FeatureExtractionCacheHitRateLow",
            "Cache hit ratio",
        ),
        ("featurewatch_receiver_remediations_total", "", "FeaturewatchRemediationFailed", ""),
        ("feature_extraction_in_progress", "", "", "Extractions in progress"),
    ],
)
def test_rule_alert_and_panel_stand_with_the_metric_that_they_read(
    readers: Rows, metric: str, record: str, alert: str, panel: str
) -> None:
    records, alerts, panels = readers[metric]
    assert record in records
    assert alert in alerts
    assert panel in panels


def test_alert_stands_with_no_metric_that_it_does_not_read(readers: Rows) -> None:
    """Its threshold exists for whatever extractor is measured, by any metric."""
    queue = "feature_extraction_queue_depth"
    said = {name for name, row in readers.items() if "FeatureExtractionBatchBacklog" in row[1]}
    assert said == {queue}


def test_alert_that_is_turned_off_reads_nothing(generated: Callable[[str], Path]) -> None:
    folder = generated("alerts: {FeatureExtractionBatchBacklog: {enabled: false}}")
    assert "FeatureExtractionBatchBacklog" not in (folder / generate.METRICS).read_text()


def test_other_windows_and_identities_are_explained_too(generated: Callable[[str], Path]) -> None:
    folder = generated(
        "metrics: {identity: [cluster, extractor]}\n"
        "alerts: {FeatureExtractionLatencyHigh: {window: 1h30m}}\n"
    )
    rows = tables((folder / generate.METRICS).read_text(), "series", "what it is")
    name = "cluster_extractor:feature_extraction_duration_seconds:p95_1h30m"
    assert rows[name][:2] == [
        "95th percentile of the duration, in seconds",
        "FeatureExtractionLatencyHigh",
    ]
    assert [name for name, row in rows.items() if not row[0]] == []


def test_stem_of_a_recorded_series_has_no_level_and_no_window() -> None:
    assert stem("a_b:requests:rate1h30m") == "requests:rate"
    assert stem("a:duration_seconds:p95_500ms") == "duration_seconds:p95_"
    assert stem("featurewatch:threshold") == "threshold"


def test_each_metric_is_in_one_group() -> None:
    grouped = [metric.name for group in GROUPS for metric in group.purposes]
    assert sorted(grouped) == sorted(metric.name for metric in METRICS)


def test_document_that_was_edited_is_named_by_the_check(
    generated: Callable[[str], Path], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = generated("{}")
    generate.write(generate.companions(root), folder)
    check = ["generate", "--check", "--root", str(root), "--out", str(folder)]
    assert main(check) == 0
    file = folder / generate.METRICS
    file.write_text(file.read_text().replace("Items in one batch.", "Items."))
    assert main(check) == 1
    said = "docs/metrics.md: not what the sources generate; run `make generate`\n"
    assert capsys.readouterr().err == said
