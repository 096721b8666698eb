"""What people do: one module for each act, which is kept in the audit under their name.

A module of this package that holds `ACTS` is in the table by being there.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from featurewatch_receiver.acts.base import Act


def _find() -> Mapping[str, Act]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = (act for module in modules for act in getattr(module, "ACTS", ()))
    return {act.name: act for act in found}


#: Every act by its name.
ACTS = _find()
