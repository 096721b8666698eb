"""GPUs as NVIDIA's driver tells of them, and nothing where it does not."""

import sys

import pytest

from featurewatch import watch_resources

GIB = 1024**3
NO_LIBRARY, DRIVER_NOT_LOADED, NOT_SUPPORTED, GPU_IS_LOST = 12, 9, 3, 15

#: A container that uses a quarter of the memory that it may have.
LIMITED = {
    "sys/fs/cgroup/cgroup.controllers": "memory\n",
    "sys/fs/cgroup/memory.max": "100000\n",
    "sys/fs/cgroup/memory.current": "25000\n",
    "sys/fs/cgroup/memory.stat": "inactive_file 0\n",
}


@pytest.fixture
def gpus(registry, tmp_path):
    """One scrape: utilization and memory ratio of each GPU by its label."""

    def scrape():
        found = {}
        for family in registry.collect():
            for sample in family.samples:
                if "gpu" in sample.labels:
                    kind = "memory" if "_memory_" in sample.name else "compute"
                    found[sample.labels["gpu"], kind] = sample.value
        return found

    return scrape


def test_each_gpu_has_its_utilization_and_memory(registry, tmp_path, nvml, gpus):
    nvml.gpus = [(75, (10 * GIB, 40 * GIB)), (0, (0, 40 * GIB))]
    watch_resources(registry=registry, root=tmp_path)
    assert gpus() == {
        ("0", "compute"): 0.75,
        ("0", "memory"): 0.25,
        ("1", "compute"): 0,
        ("1", "memory"): 0,
    }


def test_package_that_is_not_installed_gives_no_series(registry, tmp_path, gpus, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)  # import raises ImportError
    watch_resources(registry=registry, root=tmp_path)
    assert gpus() == {}


@pytest.mark.parametrize("code", [NO_LIBRARY, DRIVER_NOT_LOADED])
def test_no_driver_gives_no_series_until_it_comes(registry, tmp_path, nvml, gpus, code):
    nvml.gpus = [(75, (1, 4))]
    nvml.refuses = nvml.NVMLError(code)
    watch_resources(registry=registry, root=tmp_path)
    assert gpus() == gpus() == {}
    nvml.refuses = None
    assert gpus() == {("0", "compute"): 0.75, ("0", "memory"): 0.25}


def test_driver_that_goes_away_is_started_again(registry, tmp_path, nvml, gpus):
    nvml.gpus = [(75, (1, 4))]
    watch_resources(registry=registry, root=tmp_path)
    assert len(gpus()) == len(gpus()) == 2
    assert nvml.starts == 1
    nvml.refuses = nvml.NVMLError(GPU_IS_LOST)
    assert gpus() == {}
    nvml.refuses, nvml.started = None, False
    assert len(gpus()) == 2
    assert nvml.starts == 2


def test_machine_without_gpu_gives_no_series(registry, tmp_path, nvml, gpus):
    watch_resources(registry=registry, root=tmp_path)
    assert gpus() == {}


def test_value_that_a_gpu_does_not_give_has_no_series(registry, tmp_path, nvml, gpus):
    nvml.gpus = [
        (nvml.NVMLError(NOT_SUPPORTED), (1, 4)),  # a MIG slice
        (nvml.NVMLError(GPU_IS_LOST), nvml.NVMLError(GPU_IS_LOST)),
        (50, (0, 0)),
    ]
    watch_resources(registry=registry, root=tmp_path)
    assert gpus() == {("0", "memory"): 0.25, ("2", "compute"): 0.5}


def test_log_tells_once_that_the_driver_does_not_answer(registry, tmp_path, nvml, gpus, caplog):
    caplog.set_level("INFO", logger="featurewatch.gpu")
    nvml.refuses = nvml.NVMLError(NO_LIBRARY)
    watch_resources(registry=registry, root=tmp_path)
    for _ in range(3):
        gpus()
    nvml.refuses = None
    gpus()
    assert [record.getMessage() for record in caplog.records] == [
        "the NVIDIA driver tells nothing of its GPUs: 12",
        "the NVIDIA driver answers again",
    ]


def test_package_of_another_shape_costs_no_other_series(registry, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", object())
    for name, text in LIMITED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    watch_resources(registry=registry, root=tmp_path)
    memory = registry.get_sample_value(
        "feature_extraction_memory_utilization_ratio", {"extractor": "feature_extractor"}
    )
    assert memory == 0.25
