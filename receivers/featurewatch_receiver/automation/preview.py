"""What an action would do now: its plan, for which the target is looked at and not touched."""

from contextlib import closing

from featurewatch_receiver import logs
from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Case
from featurewatch_receiver.backends import open_backend
from featurewatch_receiver.checks import can
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import ActionSkippedError, ConfigError, DeadlineError, TargetError
from featurewatch_receiver.phrases import plan, spoken

#: A form must not wait for longer.
TIMEOUT_SECONDS = 2.0
_BLIND = (TargetError, DeadlineError, ConfigError)


def preview(core: Core, name: str, extractor: str) -> str:
    """One sentence: the plan as it would be made now, or why there is none."""
    action, target = actions()[name], core.config.targets[extractor]
    where = target.backend_of(action.where)
    if not can(core.config.backends[where], action.needs):
        return f"The backend {where} can't do it."
    case = Case(id="preview", now=core.now(), extractor=extractor)
    settings = core.config.responses.actions.get(name)
    try:
        with closing(open_backend(core.config, where, Deadline(TIMEOUT_SECONDS))) as backend:
            made = action.plan(backend, target, settings, case)
    except ActionSkippedError as skip:
        return f"There is nothing to do: {spoken(skip.reason)} ({skip})."
    except _BLIND as error:
        return f"What it would change is not known, the target can't be seen now: {error}"
    except Exception as error:  # a plugin's: the form must be there all the same
        logs.trouble("preview broke", error, action=name, extractor=extractor)
        return "What it would change is not known: it broke; see the receiver's log."
    return f"The plan, if it were made now: {plan(made)}."
