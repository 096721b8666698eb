"""`featurewatch demo`: the whole chain on this machine, through one incident."""

import shutil
import signal
import threading
from pathlib import Path

from featurewatch_kit.demo.incident import Incident
from featurewatch_kit.demo.stack import TIMINGS, Stack
from featurewatch_kit.demo.timeline import Timeline
from featurewatch_kit.project import load_config

FOLDER = Path("build/demo")
# It takes about one; more means that a link is broken.
LONGEST_SECONDS = 240.0


def run_demo(root: Path, overlays: list[Path], *, stay: bool) -> int:
    """Run the incident; with `stay`, keep everything up until Ctrl-C. Returns the exit code.

    Raises:
        DemoError: a link of the chain did not hold.
        ConfigError: the overlays are wrong.
        MissingProgramError: Prometheus or Alertmanager is not there.

    """
    load_config(root, [root / TIMINGS, *overlays])  # a mistake is told before anything starts
    signal.signal(signal.SIGTERM, _interrupt)
    folder = root / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    timeline = Timeline()
    timeline.heading(f"Starting the chain (settings {TIMINGS}, files and logs {FOLDER}) ...")
    try:
        with Stack(root, folder, overlays, timeline.notification) as stack:
            _show_urls(stack, timeline)
            _run_incident(stack, timeline)
            if stay:
                timeline.heading("Everything stays up; end it with Ctrl-C.")
                threading.Event().wait()
    except KeyboardInterrupt:
        timeline.heading("Ended.")
        return 0 if stay else 130
    return 0


def _run_incident(stack: Stack, timeline: Timeline) -> None:
    timeline.heading("The incident:")
    held = Incident(stack, timeline).run(LONGEST_SECONDS)
    lines = [f"{seconds:6.1f} s  {what}" for what, seconds in held.items()]
    timeline.heading("\n".join(["The chain held, seconds after the fault:", *lines]))


def _show_urls(stack: Stack, timeline: Timeline) -> None:
    urls = {
        "Prometheus": f"{stack.urls.prometheus}/alerts",
        "Alertmanager": stack.urls.alertmanager,
        "Receiver": f"{stack.urls.receiver}/metrics",
        "Feature server": f"{stack.urls.features}/windows",
        "its metrics": stack.urls.metrics,
    }
    timeline.heading("\n".join(f"  {name:15} {url}" for name, url in urls.items()))


def _interrupt(*_: object) -> None:
    # Both ways to end the demo take everything down on the way out.
    raise KeyboardInterrupt
