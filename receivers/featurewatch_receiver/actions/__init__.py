"""The actions: one file each, and the table that names them."""

from collections.abc import Mapping

from featurewatch_receiver.actions.base import Action
from featurewatch_receiver.actions.clear_cache import ClearCache
from featurewatch_receiver.actions.scale_up_deployment import ScaleUpDeployment
from featurewatch_receiver.config import ActionName

ACTIONS: Mapping[ActionName, Action] = {
    "clear_cache": ClearCache(),
    "scale_up_deployment": ScaleUpDeployment(),
}
