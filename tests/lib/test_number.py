"""What lib/number.libsonnet writes of a number is read as that number, by every engine."""

import json

import _jsonnet
import pytest
import rjsonnet
from hypothesis import given, settings
from hypothesis import strategies as st

# Each was written as another number by '%.12g' of rjsonnet, or is near a limit of the text.
HARD = [0.00007, 3e-8, 0.999999999999, -1.25, 0.1 + 0.2, 1e-300, 5e-324, 1e14, 1e15, 1e16, 1e300]
PRETTY = {0: "0", 1: "1", 1000: "1000", 0.1: "0.1", 0.15: "0.15", 0.00007: "0.00007", -2.5: "-2.5"}
ENGINES = {"rjsonnet": rjsonnet.evaluate_snippet, "jsonnet": _jsonnet.evaluate_snippet}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.decimals(
    min_value=0, max_value=10_000, places=6
).map(float)


@pytest.fixture(scope="module", params=ENGINES)
def texts(request, root):
    """The numbers as texts."""

    def evaluate(numbers):
        source = f"""
          local number = import 'lib/number.libsonnet';
          [number.text(x) for x in {json.dumps(numbers)}]
        """
        return json.loads(ENGINES[request.param]("test", source, jpathdir=[str(root)]))

    return evaluate


def test_a_number_that_an_engine_misprints_is_read_back(texts):
    assert [float(text) for text in texts(HARD)] == HARD


def test_a_number_is_written_as_people_write_it(texts):
    assert texts(list(PRETTY)) == list(PRETTY.values())


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=50))
def test_every_number_is_read_back(texts, numbers):
    assert [float(text) for text in texts(numbers)] == numbers
