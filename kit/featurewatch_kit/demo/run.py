"""`featurewatch demo`: the whole chain on this machine, through two incidents."""

import shutil
import time
from pathlib import Path

from featurewatch_kit.demo.incident import Incidents
from featurewatch_kit.demo.processes import end_on_sigterm
from featurewatch_kit.demo.stack import PERSON_TOKEN, TIMINGS, Stack
from featurewatch_kit.demo.timeline import Timeline
from featurewatch_kit.project import SHIPPED, load_config

FOLDER = Path("build/demo")
# From the start; it takes about two minutes, and more than this means that a link is broken.
LONGEST_SECONDS = 400.0


def run_demo(root: Path, overlays: list[Path], *, stay: bool) -> int:
    """Run the incident; with `stay`, keep everything up until Ctrl-C. Returns the exit code.

    Raises:
        DemoError: a link of the chain did not hold.
        ConfigError: the overlays are wrong.
        MissingProgramError: Prometheus or Alertmanager is not there.

    """
    load_config(root, [root / TIMINGS, *overlays])  # a mistake is told before anything starts
    end_on_sigterm()
    # What pip has installed is no place for logs.
    folder = (Path.cwd() if root == SHIPPED else root) / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    timeline = Timeline()
    deadline = time.monotonic() + LONGEST_SECONDS
    timeline.heading(f"Starting the chain (settings {TIMINGS}, files and logs {FOLDER}) ...")
    try:
        with Stack(root, folder, overlays, timeline.notification) as stack:
            _show_urls(stack, timeline)
            incidents = Incidents(stack, timeline)
            _run(incidents, timeline, deadline)
            if stay:
                _show_faults(stack, timeline)
                incidents.watch()
    except KeyboardInterrupt:
        timeline.heading("Ended.")
        return 0 if stay else 130
    return 0


def _run(incidents: Incidents, timeline: Timeline, deadline: float) -> None:
    timeline.heading("First incident, which the automation fixes:")
    _show_held(incidents.fixed_by_itself(deadline), timeline)
    timeline.heading("Second incident, which it can't fix:")
    _show_held(incidents.needs_people(deadline), timeline)


def _show_held(held: dict[str, float], timeline: Timeline) -> None:
    lines = [f"{seconds:6.1f} s  {what}" for what, seconds in held.items()]
    timeline.heading("\n".join(["The chain held, seconds after the fault:", *lines]))


def _show_faults(stack: Stack, timeline: Timeline) -> None:
    timeline.heading(
        "Everything stays up until Ctrl-C. Try another fault (slow_model, slow_network,\n"
        "poisoned_cache, errors, memory):\n"
        f"  curl -X PUT {stack.urls.features}/admin/faults/slow_model"
        " -H 'Content-Type: application/json' -d '{\"enabled\": true}'\n"
    )


def _show_urls(stack: Stack, timeline: Timeline) -> None:
    urls = stack.urls
    history = f"{urls.receiver}/api/v1/episodes"
    token = FOLDER / PERSON_TOKEN
    lines = {
        "Console": urls.receiver,
        "its token": stack.person_token,
        "Prometheus": urls.prometheus,
        "Alertmanager": urls.alertmanager,
        "Feature server": f"{urls.features}/windows",
        "its metrics": urls.metrics,
        "Receiver": f"{urls.receiver}/metrics",
        "its history": f'curl -H "Authorization: Bearer $(cat {token})" {history}',
    }
    timeline.heading("\n".join(f"  {name:15} {what}" for name, what in lines.items()))
