"""Paths into JSON find what stands there, whatever its shape."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch import names
from featurewatch_exporter.fields import Event, FieldError
from featurewatch_exporter.line_events import read_events
from featurewatch_exporter.paths import json_path
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.stats_url import read_figures

from .attempt import attempt

DROPWIZARD = {
    "counters": {
        "features.cache.hits": {"count": 20407},
        "features.errors.java.util.concurrent.TimeoutException": {"count": 3},
    },
    "timers": {"features.extract": {"count": 21419, "p95": 0.12}},
}


def model_of_triton(name, version, succeeded):
    """As docs/protocol/extension_statistics.md of triton-inference-server/server has it."""
    stats = {
        kind: {"count": count, "ns": count * 10**6}
        for kind, count in {"success": succeeded, "fail": 2, "queue": succeeded}.items()
    }
    return {
        "name": name,
        "version": version,
        "last_inference": 1_770_000_000_000,
        "inference_count": 8 * succeeded,
        "execution_count": succeeded,
        "inference_stats": stats,
        "batch_stats": [{"batch_size": 8, "compute_infer": {"count": succeeded, "ns": 5}}],
    }


def model_of_torchserve(name, pending, *, loaded_at_startup):
    """As docs/management_api.md of pytorch/serve has it."""
    return {
        "modelName": name,
        "modelVersion": "1.0",
        "minWorkers": 1,
        "loadedAtStartup": loaded_at_startup,
        "workers": [{"id": "9000", "status": "READY", "gpu": False, "memoryUsage": 89247744}],
        "jobQueueStatus": {"remainingCapacity": 100, "pendingRequests": pending},
    }


TRITON = {
    "model_stats": [
        model_of_triton("resnet", "1", 7),
        model_of_triton("resnet", "2", 5),
        model_of_triton("bert", "1", 1),
    ]
}
TORCHSERVE = [
    model_of_torchserve("noop", 4, loaded_at_startup=False),
    model_of_torchserve("other", 9, loaded_at_startup=True),
]


@pytest.mark.parametrize(
    ("tree", "path", "found"),
    [
        ({"a": {"b": 1}}, "a.b", [1]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", [1]),
        ({"a.b": {}, "a": {"b": {"c": 2}}}, "a.b.c", [2]),
        (DROPWIZARD, "counters.features.cache.hits.count", [20407]),
        (DROPWIZARD, 'counters["features.cache.hits"].count', [20407]),
        (DROPWIZARD, "timers.features.extract.p95", [0.12]),
        (TRITON, "model_stats[0].inference_stats.success.count", [7]),
        (TRITON, "model_stats[-1].inference_stats.success.count", [1]),
        (TRITON, "model_stats[3].inference_stats.success.count", []),
        (TRITON, "model_stats[name=bert].inference_stats.success.count", [1]),
        (TRITON, 'model_stats[name=resnet,version="2"].inference_stats.success.count', [5]),
        (TRITON, "model_stats[name=resnet].inference_stats.success.count", [7, 5]),
        (TRITON, "model_stats[*].inference_stats.success.count", [7, 5, 1]),
        (TRITON, "model_stats[name=none].inference_stats.success.count", []),
        (TORCHSERVE, "[0].jobQueueStatus.pendingRequests", [4]),
        (TORCHSERVE, "[modelName=other].jobQueueStatus.pendingRequests", [9]),
        (TRITON, "model_stats[name=bert].batch_stats[batch_size=8].compute_infer.count", [1]),
        (TORCHSERVE, "[minWorkers=1].modelName", ["noop", "other"]),
        (TORCHSERVE, "[loadedAtStartup=true].modelName", ["other"]),
        (TORCHSERVE, "[*].workers[0].memoryUsage", [89247744, 89247744]),
        ([{"n": 1}, {"n": True}], "[n=1].n", [1]),
        (TORCHSERVE, "[jobQueueStatus.pendingRequests=9].modelName", ["other"]),
        ([[1, 2], [3]], "[*][0]", [1, 3]),
        ({"a[0]": 1, 'q"': 2}, '["a[0]"]', [1]),
        ({'q"': 2}, r'["q\""]', [2]),
        ({"rate=1,2": 3}, "rate=1,2", [3]),
        ({"a": 1}, "a.b", []),
        ([1], "a", []),
        (5, "a", []),
        ({"a": None}, "a", [None]),
    ],
)
def test_path_finds_what_stands_there(tree, path, found):
    assert list(json_path(path).find(tree)) == [(None, value) for value in found]


@pytest.mark.parametrize(
    ("tree", "path", "found"),
    [
        ({"errors": {"A": 1, "B.C": 2}}, "errors.*", [("A", 1), ("B.C", 2)]),
        ({"errors.A": 1, "errors.B": 2, "n": 3}, "errors.*", [("A", 1), ("B", 2)]),
        ({"m": {"A": {"count": 1}, "B": {}}}, "m.*.count", [("A", 1)]),
        (
            DROPWIZARD,
            "counters.features.errors.*.count",
            [("java.util.concurrent.TimeoutException", 3)],
        ),
        ({"errors": [{"type": "A", "n": 1}, {"n": 2}]}, "errors[type=*].n", [("A", 1)]),
        (
            {"w": [{"errors": {"A": 1}}, {"errors": {"A": 2}}]},
            "w[*].errors.*",
            [("A", 1), ("A", 2)],
        ),
    ],
)
def test_star_is_the_text_that_becomes_the_label(tree, path, found):
    assert json_path(path).starred
    assert list(json_path(path).find(tree)) == found


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", "''"),
        ("a..b", "'..b'"),
        ("a.", "'.'"),
        (".a", "'.a'"),
        ("a[", "'['"),
        ("a[]", "'[]'"),
        ("a[0]b", "'b'"),
        ("a.[0]", "'.[0]'"),
        ("a[name=]", "'[name=]'"),
        ('["a"', "'[\"a\"'"),
        ("a]", "']'"),
    ],
)
def test_what_is_no_path_is_refused_with_an_example(path, place):
    _, problem = attempt(ValueError, json_path, path)
    assert problem == (
        f"is no path from {place} on; write for example stats.errors.*, "
        'models[name=resnet].count or workers[0]["queue.size"]'
    )


def test_two_stars_are_refused():
    _, problem = attempt(ValueError, json_path, "a.*[type=*]")
    assert problem == "has 2 stars, and a label has one value; keep one, or write [*]"


ERRORS = Rule(path="errors.*", metric=names.ERRORS, open=True)


@pytest.mark.parametrize("bad", [None, "2026-05-03T10:00:00Z", -1, True, [], {"a": 1}, 1e400])
def test_one_bad_field_below_a_star_costs_itself_alone(bad):
    told = list(read_figures(ERRORS, {"errors": {"A": 120, "bad": bad, "B": 1}}))
    assert [(e.label, e.value) for e in told if isinstance(e, Event)] == [("A", 120), ("B", 1)]
    [fault] = [one for one in told if isinstance(one, FieldError)]
    assert fault.problem.startswith("has a field that ")
    assert fault.seen == {"bad": bad}


@pytest.mark.parametrize(
    ("tree", "problems"),
    [
        ({"errors": {}}, []),
        ({}, ["is missing or null"]),
        ({"errors": None}, ["is missing or null"]),
        ({"errors": 3}, ["has no fields"]),
        ([], ["is missing or null"]),
    ],
)
def test_star_may_stand_for_nothing_but_not_below_nothing(tree, problems):
    assert [fault.problem for fault in read_figures(ERRORS, tree)] == problems


def test_null_below_a_star_of_a_line_tells_nothing():
    told = list(read_events(ERRORS, {"errors": {"A": 1, "B": None}}))
    assert [(e.label, e.value) for e in told] == [("A", 1)]


def test_gauge_of_several_elements_is_told_to_select_one():
    rule = Rule(path="w[*].queue", metric=names.QUEUE_DEPTH)
    [fault] = read_figures(rule, {"w": [{"queue": 1}, {"queue": 2}]})
    assert fault.problem == (
        "stands for several values, and a gauge has one; select one, as in [name=resnet]"
    )
    [event] = read_figures(rule, {"w": [{"queue": 1}]})
    assert event.value == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("12.5", 12.5),
        (" 1e3 ", 1000),
        (".5", 0.5),
        ("+3", 3),
    ],
)
def test_number_as_text_is_one_by_option(text, number):
    rule = Rule(path="n", metric=names.REQUESTS)
    [event] = read_figures(rule, {"n": text}, as_text=True)
    assert event.value == number
    [fault] = read_figures(rule, {"n": text})
    assert fault.problem == "is no number"


@pytest.mark.parametrize(
    "text", ["", "NaN", "inf", "1_000", "0x10", "12 ms", "1,5", "١٢", "-1", "1e999"]
)
def test_other_text_is_no_number(text):
    [fault] = read_figures(Rule(path="n", metric=names.REQUESTS), {"n": text}, as_text=True)
    assert fault.problem


@given(
    path=st.text(),
    tree=st.recursive(st.integers(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)),
)
def test_any_text_is_a_path_or_refused_and_finds_in_anything(path, tree):
    made, problem = attempt(ValueError, json_path, path)
    assert made is None or list(made.find(tree)) is not None
    assert problem == "" or "write" in problem or "keep one" in problem


@given(key=st.text(min_size=1))
def test_any_key_can_be_written_in_quotes(key):
    assert list(json_path(f"a[{json.dumps(key)}]").find({"a": {key: 1}})) == [(None, 1)]
