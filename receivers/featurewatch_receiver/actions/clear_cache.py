"""clear_cache: empty the target's cache, so that it fills with fresh entries."""

from featurewatch_receiver.actions.base import Action, Case, Look, Plan, Progress
from featurewatch_receiver.backends.base import Caches
from featurewatch_receiver.config.receiver import ActionSettings as Settings
from featurewatch_receiver.config.receiver import Target


class ClearCache(Action[Caches, Settings]):
    """A cleared cache can't be seen from outside: the target's answer is the confirmation."""

    where = "cache_backend"
    needs = Caches

    def plan(self, backend: Caches, target: Target, settings: Settings, case: Case) -> Plan:
        """Name the cache."""
        del backend, settings, case
        return {"cache": target.cache}

    def look(self, backend: Caches, plan: Plan) -> Look:
        """Return TO_DO: repeating it is harmless, the target knows the key."""
        del backend
        return Look(progress=Progress.TO_DO, detail=f"cache {plan['cache']} was not cleared yet")

    def act(self, backend: Caches, plan: Plan, key: str) -> Look:
        """Clear the cache."""
        cleared = backend.clear_cache(plan["cache"], key)
        return Look(progress=Progress.DONE, detail=f"{cleared} entries cleared")
