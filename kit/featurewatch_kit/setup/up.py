"""`featurewatch up`: the chain of one's own settings on this machine, until Ctrl-C. To try it."""

import time
from pathlib import Path

from featurewatch_kit import generate, programs
from featurewatch_kit.config.model import Config
from featurewatch_kit.demo.processes import Processes, end_on_sigterm
from featurewatch_kit.errors import ArgumentError
from featurewatch_kit.project import load_config
from featurewatch_kit.setup import commands
from featurewatch_kit.setup.overlay import DATA, GENERATED, SETTINGS

LOGS = "logs"
READY = "/-/ready"
LOOK_SECONDS = 0.5


def run(folder: Path, root: Path) -> int:
    """Start the three, say where they are, and end them on Ctrl-C or SIGTERM.

    Raises:
        ArgumentError: the folder is not one of `featurewatch init`, or nothing is generated.
        DemoError: one of them did not start, or ended.
        MissingProgramError: Prometheus or Alertmanager is not there.

    """
    folder = folder.resolve()
    config = load_config(root, [_there(folder / SETTINGS, "run `featurewatch init` first")])
    _there(folder / GENERATED / generate.RECEIVER, "run `featurewatch generate` first")
    end_on_sigterm()
    try:
        with Processes(folder / LOGS) as processes:
            urls = _start(processes, config, folder, root)
            lines = {**urls, "Logs": folder / LOGS}
            print("\n".join(f"{name:14} {where}" for name, where in lines.items()))
            print(f"Ctrl-C ends them; data and history stay in {folder / DATA}.", flush=True)
            while True:
                processes.check()
                time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        return 0


def _start(processes: Processes, config: Config, folder: Path, root: Path) -> dict[str, str]:
    """Start what is not there yet, and wait until all answer: URLs by name."""
    generated, data = folder / GENERATED, folder / DATA
    prometheus = programs.find(programs.PROMETHEUS, root)
    alertmanager = programs.find(programs.ALERTMANAGER, root)
    listen = commands.alertmanager_address(config)
    # Nothing of before has to arrive again: people are told at once.
    flags = commands.alertmanager(generated, data, listen, {"cluster.listen-address": ""})
    processes.start("receiver", commands.receiver(generated))
    processes.start_program("alertmanager", alertmanager, root, flags)
    flags = commands.prometheus(config, generated, data, programs.version(prometheus))
    processes.start_program("prometheus", prometheus, root, flags)
    urls = {
        "Console": config.receiver.url,
        "Prometheus": f"http://{flags['web.listen-address']}",
        "Alertmanager": f"http://{listen}",
    }
    for name, path in (("Console", "/readyz"), ("Prometheus", READY), ("Alertmanager", READY)):
        processes.wait_for(name, urls[name], path)
    return urls


def _there(file: Path, fix: str) -> Path:
    if not file.is_file():
        raise ArgumentError(f"{file}: is not there; {fix}")
    return file
