from pathlib import Path

import pytest
from feature_server.errors import SamplerError, WindowUnknown
from feature_server.sampler import Sampler, read_counters


def test_a_kept_window_never_changes(sampler):
    before = sampler.window(1).copy()
    for _ in range(16):
        sampler.sample()
    assert (sampler.window(1) == before).all()
    with pytest.raises(ValueError, match="read-only"):
        sampler.window(1)[0, 0] = 1.0


def test_the_oldest_windows_leave(sampler):
    for _ in range(10 * 16):  # 13 windows in all, of which 8 are kept
        sampler.sample()
    assert sampler.windows() == range(5, 13)
    with pytest.raises(WindowUnknown, match="window 4 isn't kept"):
        sampler.window(4)


def test_samples_are_rates_between_two_readings(sampler):
    busy, memory, io = sampler.window(0)[0]
    assert busy == pytest.approx(0.01)  # 1 of 100 ticks
    assert memory == pytest.approx(0.501)
    assert io == pytest.approx(10 / 1024)  # 10 KiB in a second


def test_this_machine_is_sampled_live(eventually):
    sampler = Sampler(rate=200.0, window_samples=8).start()
    eventually(lambda: len(sampler.windows()) >= 2)
    window = sampler.window(0)
    sampler.close()
    assert not sampler.alive
    assert 0.0 < window[:, 1].min() <= window[:, 1].max() < 1.0


def test_a_machine_without_proc_is_refused_with_the_reason(tmp_path: Path):
    with pytest.raises(SamplerError, match=r"stat.*reads /proc, so run it on Linux"):
        read_counters(tmp_path)
