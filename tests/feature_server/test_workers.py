import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from feature_server.errors import ModelError, ModelTimeout, ReplicaConflict, WorkerDied
from feature_server.features import extract_features, initial_model
from feature_server.workers import PoolStatus, WorkerPool
from waiting import PATIENCE_SECONDS

WINDOW = np.random.default_rng(1).uniform(0.0, 1.0, (16, 3))
MODEL = initial_model()
FOR_EVER = 60_000.0  # times a millisecond, is longer than any test waits


@pytest.fixture
def pool(pool, eventually):
    eventually(lambda: pool.serving == 1)
    return pool


def test_workers_compute_what_the_model_says(pool):
    features = pool.forward(WINDOW, MODEL, timeout=PATIENCE_SECONDS)
    assert (features == extract_features(WINDOW, MODEL)).all()


def test_as_many_jobs_run_at_once_as_there_are_replicas(pool, eventually):
    pool.slowdown = FOR_EVER
    with ThreadPoolExecutor(6) as threads:
        jobs = [threads.submit(pool.forward, WINDOW, MODEL, 60.0) for _ in range(6)]
        eventually(lambda: pool.in_flight == 1)
        pool.scale(4)
        eventually(lambda: pool.in_flight == 4)
        pool.close()
        assert all(isinstance(job.exception(), ModelError) for job in jobs)


def test_a_replica_that_leaves_finishes_its_job_and_its_process(pool, eventually):
    pool.scale(2)
    eventually(lambda: pool.serving == 2)
    leaver = psutil.Process(pool.pids()[1])
    pool.scale(1)
    leaver.wait(timeout=PATIENCE_SECONDS)
    assert pool.forward(WINDOW, MODEL, timeout=PATIENCE_SECONDS).any()


def test_scaling_minds_bounds_and_the_expected_count(pool):
    with pytest.raises(ValueError, match="1 to 16, not 17"):
        pool.scale(17)
    with pytest.raises(ReplicaConflict, match="1 replicas are set, not 3"):
        pool.scale(4, expected=3)
    assert pool.scale(1, expected=3).replicas == 1  # already as wanted


def test_a_late_answer_is_a_timeout_and_its_queued_job_is_dropped(pool, eventually):
    depths = []
    pool._on_queue_depth = depths.append
    pool.slowdown = FOR_EVER
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(pool.forward, WINDOW, MODEL, 60.0)
        eventually(lambda: pool.in_flight == 1)
        with pytest.raises(ModelTimeout, match=r"no answer within 0.05 s"):
            pool.forward(WINDOW, MODEL, timeout=0.05)
        pool.close()
        assert isinstance(first.exception(), ModelError)
    assert depths == [1, 0, 1, 0]


def test_a_model_that_raises_is_a_model_error_and_the_worker_lives(pool):
    pids = pool.pids()
    with pytest.raises(ModelError, match="the model failed") as failure:
        pool.forward(np.zeros((2, 3)), MODEL, timeout=PATIENCE_SECONDS)  # shorter than the kernel
    assert isinstance(failure.value.__cause__, ValueError)
    assert pool.pids() == pids


def test_a_killed_worker_is_replaced(pool, eventually):
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pool.pids() not in ([], [pid]))
    assert pool.forward(WINDOW, MODEL, timeout=PATIENCE_SECONDS).any()


def test_a_job_whose_worker_is_killed_fails_at_once(pool, eventually):
    pool.slowdown = FOR_EVER
    with ThreadPoolExecutor(1) as threads:
        job = threads.submit(pool.forward, WINDOW, MODEL, 60.0)
        eventually(lambda: pool.in_flight == 1)
        os.kill(pool.pids()[0], signal.SIGKILL)
        with pytest.raises(WorkerDied):
            job.result(timeout=PATIENCE_SECONDS)


def test_a_restart_replaces_one_process_after_the_other(pool, eventually):
    pool.scale(2)
    eventually(lambda: pool.serving == 2)
    before, serving = set(pool.pids()), []
    assert pool.restart("key") == 2

    def renewed() -> bool:
        serving.append(pool.serving)
        return pool.status() == PoolStatus(
            replicas=2, ready_replicas=2, generation=2, restart_key="key"
        )

    eventually(renewed)
    assert min(serving) == 1
    assert before.isdisjoint(pool.pids())


def test_held_memory_is_real_and_a_restart_frees_it(pool, eventually):
    def resident() -> float:
        return psutil.Process(pool.pids()[0]).memory_info().rss / 2**20

    before = resident()
    pool.hold_memory(64)
    eventually(lambda: resident() > before + 60)
    pool.restart()
    eventually(lambda: pool.status().ready_replicas == 1)
    assert pool.held_mebibytes == 0
    assert resident() < before + 30


def test_closing_leaves_no_process_and_fails_what_waits(eventually):
    pool = WorkerPool(replicas=2, model_time=60.0)
    eventually(lambda: pool.serving == 2)
    processes = [psutil.Process(pid) for pid in pool.pids()]
    with ThreadPoolExecutor(3) as threads:
        jobs = [threads.submit(pool.forward, WINDOW, MODEL, 60.0) for _ in range(3)]
        eventually(lambda: pool.in_flight == 2)
        pool.close()
        for job in jobs:
            assert isinstance(job.exception(timeout=PATIENCE_SECONDS), ModelError)
    assert not any(process.is_running() for process in processes)
    with pytest.raises(ModelError, match="closed"):
        pool.forward(WINDOW, MODEL, timeout=1.0)
