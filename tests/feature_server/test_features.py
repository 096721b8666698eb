import numpy as np
import pytest
from feature_server.features import (
    FEATURE_COUNT,
    MIN_SAMPLES,
    STATISTICS,
    extract_features,
    fallback_features,
    initial_model,
    retrained,
)


def window(samples=32, seed=1):
    return np.random.default_rng(seed).uniform(0.0, 1.0, (samples, 3))


@pytest.mark.parametrize("samples", [MIN_SAMPLES, 32, 100])
def test_the_shape_is_fixed_whatever_the_window(samples):
    assert extract_features(window(samples), initial_model()).shape == (FEATURE_COUNT,)
    assert fallback_features(window(samples)).shape == (FEATURE_COUNT,)


def test_the_same_window_gives_the_same_features():
    first, second = (extract_features(window(), initial_model()) for _ in range(2))
    assert (first == second).all()
    assert not np.allclose(first, extract_features(window(seed=2), initial_model()))


def test_an_idle_machine_gives_finite_features():
    assert np.isfinite(extract_features(np.zeros((32, 3)), initial_model())).all()


def test_fallback_features_are_the_statistics_alone():
    full, fallback = extract_features(window(), initial_model()), fallback_features(window())
    assert (fallback[:STATISTICS] == full[:STATISTICS]).all()
    assert not fallback[STATISTICS:].any()


def test_statistics_are_what_they_say():
    ramp = np.linspace(0.0, 2.0, 21)
    statistics = fallback_features(np.stack([ramp, ramp, ramp], axis=1))[:STATISTICS:3]
    # mean, deviation, minimum, maximum, and the slope over a half-width of the window
    assert statistics == pytest.approx([1.0, ramp.std(), 0.0, 2.0, 1.0])


def test_retraining_scales_the_outputs_and_counts_the_version():
    windows = [window(seed=seed) for seed in range(20)]
    model = retrained(initial_model(), windows)
    outputs = np.stack([extract_features(one, model)[-8:] for one in windows])
    assert model.version == 2
    assert outputs.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-9)
    assert outputs.std(axis=0) == pytest.approx(np.ones(8))
