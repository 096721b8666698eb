"""Utilization of the GPUs, asked of NVIDIA's driver through nvidia-ml-py (``featurewatch[gpu]``).

Without that package, a driver, or a GPU there is nothing to tell, which is no error. The GPUs are
those that the container was given; ``CUDA_VISIBLE_DEVICES`` does not hide any here.
"""

import importlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU; None is a value that it does not give (a MIG slice has no utilization)."""

    #: The driver's number of it, from 0.
    index: int
    utilization_ratio: float | None
    memory_ratio: float | None


class GpuReader:
    """Asks the driver; begins with the first question that it can answer."""

    def __init__(self) -> None:
        self._nvml: Any = None
        with suppress(Exception):  # not installed, or a broken installation
            self._nvml = importlib.import_module("pynvml")
        self._started = False
        self._answered = True

    def forget(self) -> None:
        """Begin anew: a child cannot use its parent's connection to the driver."""
        self._started = False

    def read(self) -> list[Gpu]:
        """Return the GPUs as they are now; none while the driver cannot be asked."""
        if self._nvml is None:
            return []
        try:
            if not self._started:
                self._nvml.nvmlInit()
                self._started = True
            gpus = [self._gpu(index) for index in range(self._nvml.nvmlDeviceGetCount())]
        except Exception as error:  # NVMLError, or a package of another shape
            self._started = False
            self._log(answered=False, why=error)
            return []
        self._log(answered=True, why="")
        return gpus

    def _gpu(self, index: int) -> Gpu:
        return Gpu(
            index=index,
            utilization_ratio=_unless_refused(self._utilization, index),
            memory_ratio=_unless_refused(self._memory, index),
        )

    def _utilization(self, index: int) -> float:
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        return float(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100

    def _memory(self, index: int) -> float:
        info = self._nvml.nvmlDeviceGetMemoryInfo(self._nvml.nvmlDeviceGetHandleByIndex(index))
        return float(info.used) / float(info.total)

    def _log(self, *, answered: bool, why: object) -> None:
        if answered != self._answered:
            told = "answers again" if answered else f"tells nothing of its GPUs: {why}"
            logger.info("the NVIDIA driver %s", told)
        self._answered = answered


def _unless_refused(ask: Callable[[int], float], index: int) -> float | None:
    with suppress(Exception):
        return ask(index)
    return None
