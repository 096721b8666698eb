"""The benchmark of the library measures what it says, and holds it against the goals."""

from prometheus_client import CollectorRegistry

from bench.subjects import exporter
from featurewatch import Extractor


def test_every_way_and_every_scrape_gives_figures_and_the_goals_are_those_promised(
    root, tmp_path, monkeypatch
):
    monkeypatch.setattr(exporter, "EVENTS", 1_000)
    monkeypatch.setattr(exporter, "BATCH", 200)
    monkeypatch.setattr(exporter, "ROUNDS", 5)  # one alone can be all noise
    figures = {figure.name: figure for figure in exporter.run(root, tmp_path)}
    assert {name: str(figure.goal) for name, figure in figures.items() if figure.goal} == {
        "exporter.event.record_against_naive": "at least 45",
        "exporter.event.record_against_cached_children": "at least 10",
        "exporter.event.context_manager_against_timed_record": "at most 3",
        "exporter.event.context_manager_lookup_against_timed_record": "at most 3",
        "exporter.event.decorator_against_timed_record": "at most 3",
        "exporter.event.async_decorator_against_timed_record": "at most 3",
        "exporter.event_without_numpy.record_against_naive": "at least 30",
        "exporter.event_without_numpy.context_manager_against_timed_record": "at most 3",
        "exporter.event_without_numpy.context_manager_lookup_against_timed_record": "at most 3",
        "exporter.event_without_numpy.decorator_against_timed_record": "at most 3",
        "exporter.event_without_numpy.async_decorator_against_timed_record": "at most 3",
        "exporter.event_in_worker.seconds.record_against_naive": "at least 100",
        "exporter.event_in_worker.seconds.record_against_cached_children": "at least 40",
        "exporter.event_in_worker.cpu.record_against_cached_children": "at least 40",
        "exporter.batch_of_200.arrays": "at most 0.0003",
        "exporter.scrape_of_100_extractors.time_against_prometheus_client": "at most 0.5",
    }
    for extractors in (1, 10, 100):
        assert figures[f"exporter.scrape_of_{extractors}_extractors.featurewatch.size"].value > 0


def test_both_scrapes_have_the_same_content():
    ours, plain = CollectorRegistry(), CollectorRegistry()
    for name in ("text", "image"):
        exporter._use(Extractor(name, registry=ours))
    exporter._rebuild(ours, plain)
    assert _content(plain) == _content(ours)


def _content(registry):
    # Rebuilt from buckets, the sum of a histogram is another number of the same kind.
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith(("_sum", "_created"))
    }
