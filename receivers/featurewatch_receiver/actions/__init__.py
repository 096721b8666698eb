"""The actions: one file each, the table that names them, and the door for those of plugins.

A plugin is a package with an entry point of the group `featurewatch_receiver.actions`: its name is
the action's, its object a subclass of `Action`. See docs/plugins.md.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from featurewatch_receiver.actions.base import Action
from featurewatch_receiver.actions.clear_cache import ClearCache
from featurewatch_receiver.actions.optimize_resources import OptimizeResources
from featurewatch_receiver.actions.restart_deployment import RestartDeployment
from featurewatch_receiver.actions.scale_down_deployment import ScaleDownDeployment
from featurewatch_receiver.actions.scale_up_deployment import ScaleUpDeployment
from featurewatch_receiver.actions.trigger_retraining import TriggerRetraining
from featurewatch_receiver.config.receiver import ActionName
from featurewatch_receiver.errors import ConfigError

GROUP = "featurewatch_receiver.actions"

BUILT_IN: Mapping[ActionName, Action[Any, Any]] = {
    "clear_cache": ClearCache(),
    "optimize_resources": OptimizeResources(),
    "restart_deployment": RestartDeployment(),
    "scale_down_deployment": ScaleDownDeployment(),
    "scale_up_deployment": ScaleUpDeployment(),
    "trigger_retraining": TriggerRetraining(),
}


@cache
def actions() -> Mapping[ActionName, Action[Any, Any]]:
    """Every action by name: ours, and those of installed plugins.

    Raises:
        ConfigError: a plugin can't be loaded, is no action, or takes a name of ours.

    """
    found = dict(BUILT_IN)
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise ConfigError(
                [f"plugin {point.value}: {point.name} is taken; give it another name"]
            )
        found[point.name] = _load(point)
    return found


def _load(point: EntryPoint) -> Action[Any, Any]:
    try:
        made = point.load()()
    except Exception as error:
        raise ConfigError(
            [f"plugin {point.value}: can't be loaded ({error!r}); fix or uninstall it"]
        ) from error
    if not isinstance(made, Action):
        raise ConfigError(
            [f"plugin {point.value}: is no featurewatch_receiver Action; subclass it"]
        )
    return made
