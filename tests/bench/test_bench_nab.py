"""The score of the Numenta Anomaly Benchmark, on files small enough to count by hand."""

import json
import math

import pytest

from bench import gaussian, nab
from bench.figures import BenchError
from bench.nab import Series, Weights
from bench.timelines import by_rows, by_the_clock

STANDARD = Weights(found=1.0, missed=1.0, noise=0.11)
ROWS = 200


def series(*windows, name="a.csv", rows=ROWS):
    """A file with a row each five minutes, of which 15 % are probation."""
    times = [300 * row for row in range(rows)]
    return Series(name=name, times=times, values=[0.0] * rows, windows=list(windows))


def scored(detected, *windows):
    """What the standard profile gives in one such file."""
    return nab.file_score(series(*windows), detected, STANDARD)


def test_silence_is_0_and_each_window_at_its_first_row_100():
    corpus = [series((50, 59), (100, 119)), series(name="b.csv"), series((90, 99), name="c.csv")]
    silence = {one.name: [] for one in corpus}
    assert nab.score(corpus, silence, STANDARD) == 0
    perfect = silence | {"a.csv": [50, 100], "c.csv": [90]}
    assert nab.score(corpus, perfect, STANDARD) == pytest.approx(100)


def test_one_of_two_windows_and_one_false_detection_far_from_any():
    corpus = [series((50, 59), (100, 119))]
    assert nab.score(corpus, {"a.csv": [40, 50]}, STANDARD) == pytest.approx(50 - 100 * 0.11 / 4)


# Of a window of ten rows: 2 / (1 + e^(-5 * share that is left)) - 1, and 1 at its first row.
def worth(left):
    """What a detection is worth while that share of its window is left."""
    whole, part = (2 / (1 + math.exp(-5 * share)) - 1 for share in (1.0, left))
    return part / whole


@pytest.mark.parametrize(
    ("detected", "expected"),
    [
        ([], -1.0),
        ([50], 1.0),
        ([55], worth(0.5)),
        ([59], worth(0.1)),
        ([55, 50, 59], 1.0),
        ([29], -1.0),
        ([30], -1.0 - 0.11),
        ([49], -1.0 - 0.11),
        # One row behind a window nine rows long from its first to its last.
        ([60], -1.0 + 0.11 * (2 / (1 + math.exp(5 / 9)) - 1)),
        ([59 + 27], -1.0 + 0.11 * (2 / (1 + math.exp(15)) - 1)),
        ([59 + 28], -1.0 - 0.11),
        ([150, 160], -1.0 - 0.22),
    ],
)
def test_what_detections_are_worth_around_a_window_of_ten_rows(detected, expected):
    assert scored(detected, (50, 59)) == pytest.approx(expected)


def test_noise_is_measured_from_the_last_window_before_it():
    near, far = scored([121], (50, 59), (100, 119)), scored([99], (50, 59), (100, 119))
    assert near == pytest.approx(-2.0 + 0.11 * (2 / (1 + math.exp(5 * 2 / 19)) - 1))
    assert far == pytest.approx(-2.0 - 0.11)


def test_a_detection_ever_so_far_behind_a_short_window_is_as_wrong_as_any():
    assert scored([199], (50, 50)) == pytest.approx(-1.0 - 0.11)


def test_probation_is_15_percent_and_750_rows_at_most():
    assert [series(rows=rows).probation for rows in (200, 4032, 5000, 22695)] == [30, 604, 750, 750]


@pytest.fixture
def copy(tmp_path):
    """A copy of the benchmark with one file."""
    for folder in ("labels", "config", "data/real"):
        (tmp_path / folder).mkdir(parents=True)
    window = ["2014-01-01 00:05:00.000000", "2014-01-01 00:10:00.000000"]
    (tmp_path / "labels/combined_windows.json").write_text(json.dumps({"real/x.csv": [window]}))
    costs = {"tpWeight": 1.0, "fnWeight": 2.0, "fpWeight": 0.22, "tnWeight": 1.0}
    (tmp_path / "config/profiles.json").write_text(json.dumps({"standard": {"CostMatrix": costs}}))
    rows = [f"2014-01-01 00:{minute:02}:00,{minute / 2}\n" for minute in (0, 5, 10, 15)]
    (tmp_path / "data/real/x.csv").write_text("timestamp,value\n" + "".join(rows))
    return tmp_path


def test_files_windows_and_weights_are_read(copy):
    (one,) = nab.read(copy)
    assert (one.name, one.values, one.windows) == ("real/x.csv", [0.0, 2.5, 5.0, 7.5], [(1, 2)])
    assert one.times[1] - one.times[0] == 300
    assert nab.weights(copy) == Weights(found=1.0, missed=2.0, noise=0.22)


def test_what_is_no_copy_is_refused_in_one_line(copy):
    with pytest.raises(BenchError, match="NAB_DATA names no copy of the benchmark"):
        nab.read(copy / "data")
    (copy / "data/real/x.csv").write_text("timestamp,value\nsoon,1\n")
    with pytest.raises(BenchError, match=r"x\.csv is no file of the benchmark"):
        nab.read(copy)


def test_windowed_gaussian_says_how_unlikely_a_value_is_after_those_before_it():
    *_, usual, odd = gaussian.tails([1.0, 3.0] * 50 + [2.0, 5.0])
    assert usual == pytest.approx(0.5)
    # Three deviations, nearly.
    assert odd == pytest.approx(0.5 * math.erfc(3 / math.sqrt(2)), rel=0.05)


def test_windowed_gaussian_forgets_the_first_rows_in_steps(monkeypatch):
    monkeypatch.setattr(gaussian, "WINDOW_ROWS", 20)
    monkeypatch.setattr(gaussian, "STEP_ROWS", 5)
    values = [0.0, 2.0] * 10 + [10.0, 12.0] * 10
    said = list(gaussian.tails([*values, 11.0]))
    # Nothing moves before the step is full, and at the end the first rows are forgotten.
    assert said[21] < said[20] < 1e-15
    assert said[-1] == pytest.approx(0.5)


def test_rows_are_five_minutes_apart_whatever_their_file_says():
    hourly = Series(name="h", times=[0, 3600, 3600, 9], values=[1.0, 2.0, 3.0, 4.0], windows=[])
    (line,) = by_rows([hourly])
    assert [(time - line.first, value) for _, time, value in line.samples()] == [
        (0, 1.0),
        (300, 2.0),
        (600, 3.0),
        (900, 4.0),
    ]
    assert line.step == 300
    assert line.rows([line.first, line.first + 899, line.last]) == [0, 2, 3]


def test_by_the_clock_a_value_is_held_until_the_next_but_not_over_a_gap():
    uneven = Series(
        name="u", times=[60, 660, 1260, 600, 4260], values=[1.0, 2.0, 3.0, 9.0, 4.0], windows=[]
    )
    (line,) = by_the_clock([uneven])
    assert [(time - line.first, value) for _, time, value in line.samples()] == [
        (0, 1.0),
        (300, 1.0),
        (600, 2.0),
        (900, 2.0),
        (1200, 3.0),
        (1500, 3.0),
        (4200, 4.0),
        (4500, 4.0),
    ]
    assert line.step == 600
    # The row that goes back in time is left out.
    assert line.rows([line.first + 1799, line.last]) == [2, 4]
