"""`featurewatch otel`, as people type it."""

import ast
import subprocess
import sys

import pytest

from featurewatch import METRICS
from featurewatch_kit.cli import main
from featurewatch_kit.otel import INSTRUMENTS, UNITS

OVERLAY = """
metrics: {duration_buckets: [0.05, 0.1, 0.15, 0.4, 1.0, 2]}
alerts: {FeatureExtractionLatencyCritical: {overrides: {big_model: {threshold: 1.0}}}}
"""


@pytest.fixture
def run(root, tmp_path, capsys):
    """Run the command on an overlay: exit code, stdout, stderr."""

    def run_with(*words, overlay="{}"):
        file = tmp_path / "my.yaml"
        file.write_text(overlay)
        code = main(["otel", "--root", str(root), "--config", str(file), *words])
        return (code, *capsys.readouterr())

    return run_with


def rows(text):
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


def test_it_says_name_unit_attributes_and_the_contracts_name(run):
    code, out, _ = run()
    assert code == 0
    errors = "feature_extraction.errors counter {extraction} extractor error_type"
    assert [*errors.split(), "feature_extraction_errors_total"] in rows(out)
    cpu = "feature_extraction.cpu_utilization gauge 1 extractor"
    assert [*cpu.split(), "feature_extraction_cpu_utilization_ratio"] in rows(out)


def test_bounds_and_thresholds_are_those_of_the_configuration(run):
    _, out, _ = run(overlay=OVERLAY)
    assert ["feature_extraction.duration", "0.05,", "0.1,", "0.15,", "0.4,", "1,", "2"] in rows(out)
    assert ["0.1", "FeatureExtractionLatencyHigh"] in rows(out)
    assert ["1", "FeatureExtractionLatencyCritical", "of", "big_model"] in rows(out)


def test_the_interval_of_a_push_is_that_of_the_rules(run):
    _, out, _ = run(overlay="alerting: {evaluation_interval: 10s}\n")
    assert "OTEL_METRIC_EXPORT_INTERVAL=10000 " in out


def test_it_says_whether_the_rules_read_other_names(run):
    assert "metrics.source is featurewatch; write otel" in run()[1]
    assert "metrics.source is otel," in run(overlay="metrics: {source: otel}\n")[1]


def test_an_unknown_source_is_refused_with_its_line(run):
    code, out, error = run(overlay="metrics:\n  source: statsd\n")
    assert (code, out) == (2, "")
    assert "my.yaml:2: metrics.source: must be 'featurewatch' or 'otel'" in error


def test_the_printed_code_has_the_bounds_of_the_configuration(run):
    code, out, _ = run("--python", overlay=OVERLAY)
    assert code == 0
    module = {}
    exec(out, module)  # noqa: S102
    assert module["BOUNDS"]["feature_extraction.duration"] == [0.05, 0.1, 0.15, 0.4, 1, 2]


def test_the_printed_code_makes_every_instrument(run):
    created = {
        (call.func.attr, *(word.value for word in (call.args[0], call.keywords[0].value)))
        for call in ast.walk(ast.parse(run("--python")[1]))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr.startswith("create_")
    }
    assert created == {(f"create_{i.kind}", i.name, i.unit) for i in INSTRUMENTS}


def test_the_printed_code_passes_strict_types(run, tmp_path, root):
    file = tmp_path / "features.py"
    file.write_text(run("--python")[1])
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(file)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=250, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_instrument_has_a_unit_and_a_name_that_lead_to_the_contracts():
    for instrument in INSTRUMENTS:
        assert instrument.metric in METRICS
        assert instrument.metric.unit in UNITS
        suffix = {"s": "_seconds", "1": "_ratio"}.get(instrument.unit, "")
        total = "_total" if instrument.kind == "counter" else ""
        assert instrument.name.replace(".", "_") + suffix + total == instrument.metric.name


def test_a_latency_threshold_is_a_bound_or_refused(run):
    overlay = "alerts: {FeatureExtractionLatencyHigh: {threshold: 0.12}}\n"
    code, out, error = run(overlay=overlay)
    assert (code, out) == (2, "")
    assert "p95 is not exact at 0.12" in error
