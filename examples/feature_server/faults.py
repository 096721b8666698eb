"""Faults to switch on and off: what breaks in real life, on demand.

A fault is a level that lives in the part that it breaks, so that fixing the part ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from feature_server.service import FeatureService


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault; `setting` names the field that carries its level, if it has levels."""

    setting: str | None = None
    off: float
    default: float
    lowest: float
    highest: float
    read: Callable[[FeatureService], float]
    write: Callable[[FeatureService, float], None]


def _set_errors(service: FeatureService, share: float) -> None:
    service.error_share = share


def _set_slowdown(service: FeatureService, factor: float) -> None:
    service.pool.slowdown = factor


def _set_delay(service: FeatureService, seconds: float) -> None:
    service.network_delay = seconds


FAULTS = {
    "poisoned_cache": Fault(  # ended by clearing the cache
        off=0,
        default=1,
        lowest=1,
        highest=1,
        read=lambda service: service.cache.poisoned,
        write=lambda service, level: service.cache.poison(bool(level)),
    ),
    "slow_model": Fault(  # eased by more replicas
        setting="factor",
        off=1.0,
        default=3.0,
        lowest=1.0,
        highest=100.0,
        read=lambda service: service.pool.slowdown,
        write=_set_slowdown,
    ),
    "slow_network": Fault(  # no action of the receiver helps
        setting="seconds",
        off=0.0,
        default=0.2,
        lowest=0.001,
        highest=10.0,
        read=lambda service: service.network_delay,
        write=_set_delay,
    ),
    "errors": Fault(  # ended by a restart
        setting="share",
        off=0.0,
        default=0.1,
        lowest=0.0,
        highest=1.0,
        read=lambda service: service.error_share,
        write=_set_errors,
    ),
    "memory": Fault(  # ended by a restart
        setting="mib",
        off=0,
        default=256,
        lowest=1,
        highest=8192,
        read=lambda service: service.pool.held_mebibytes,
        write=lambda service, mebibytes: service.pool.hold_memory(int(mebibytes)),
    ),
}


def fault_state(service: FeatureService, name: str) -> dict[str, Any]:
    """The state of one fault as JSON shows it; KeyError for a name that isn't one."""
    fault = FAULTS[name]
    level = fault.read(service)
    setting = {fault.setting: level} if fault.setting else {}
    return {"name": name, "enabled": level != fault.off, **setting}


def set_fault(service: FeatureService, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Apply ``{"enabled": bool, SETTING: number}``; ValueError says what is wrong with it."""
    fault = FAULTS[name]
    level = _wanted_level(fault, body)
    if level != fault.read(service):
        fault.write(service, level)
    return fault_state(service, name)


def _wanted_level(fault: Fault, body: dict[str, Any]) -> float:
    fields = {"enabled"} | ({fault.setting} if fault.setting else set())
    if unknown := set(body) - fields:
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}: use {sorted(fields)}")
    if not isinstance(body.get("enabled"), bool):
        raise ValueError("enabled must be true or false")
    level = body.get(fault.setting or "", fault.default)
    if isinstance(level, bool) or not isinstance(level, int | float):
        raise ValueError(f"{fault.setting} must be a number")
    if not fault.lowest <= level <= fault.highest:
        raise ValueError(f"{fault.setting} must be {fault.lowest:g} to {fault.highest:g}")
    return level if body["enabled"] else fault.off
