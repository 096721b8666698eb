"""docs/instrument.md says what is so."""

import re

import pytest

import featurewatch
from featurewatch import METRICS, monitor, names
from featurewatch.names import LABEL_EXTRACTOR, MAX_LABEL_VALUES
from featurewatch.recorder import BUFFER


@pytest.fixture
def text(root):
    return (root / "docs/instrument.md").read_text()


def test_table_of_metrics_is_the_contract(text):
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (?:`(\w+)`)? ?\|", text, re.MULTILINE)
    assert rows == [
        (
            metric.name.removeprefix(names.PREFIX),
            metric.type,
            "".join(label for label in metric.labels if label != LABEL_EXTRACTOR),
        )
        for metric in METRICS
        if names.LABEL_SOURCE not in metric.labels  # featurewatch-exporter's own
    ]


def test_table_of_a_monitors_figures_is_what_is_read(text):
    rows = re.findall(r"^\| `(\w+)` \| `(feature_extraction_\w+)` \|", text, re.MULTILINE)
    assert rows == [(field.name, field.metric.name) for field in monitor.FIELDS]


def test_every_metric_named_in_full_exists(text):
    named = set(re.findall(r"feature_extraction_\w+[a-z]", text))
    assert {name.removesuffix("_bucket") for name in named} <= {metric.name for metric in METRICS}


def test_numbers_are_those_of_the_code(text):
    assert f"has {BUFFER:,} entries" in text
    assert f"{BUFFER:,} entries in each of nine lists" in text
    assert f"**At most {MAX_LABEL_VALUES}** error types" in text


def test_every_method_that_it_shows_exists(text):
    shown = set(re.findall(r"\bextractor\.(\w+)\(", text))
    assert shown >= {"record", "record_batch", "extraction", "batch", "watch_queue"}
    assert all(hasattr(featurewatch.Extractor, name) for name in shown)
