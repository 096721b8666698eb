"""Starts etcd, the API server, controllers, scheduler and KWOK, and starts again what ends."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml
from waiting import ANSWER_SECONDS, eventually

#: Of system:masters: whoever has it may do everything.
ADMIN = "admin-token"
STAGES = Path(__file__).parent / "kwok.yaml"
_AGAIN_SECONDS = 0.2


class Plane:
    """The processes of one control plane, in a folder of their own."""

    def __init__(self, tools: Path, folder: Path, ports: list[int]) -> None:
        self._tools = tools
        self._folder = folder
        self._etcd, self._peer, self._api = ports
        self._ends = threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kubeconfig = folder / "kubeconfig"

    def start(self) -> None:
        """Start everything, each when what it needs is there."""
        self._write_files()
        self._run("etcd")
        self._run("kube-apiserver")
        eventually(self._ready, despite=(OSError,), what="the API server")
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._run(name)

    def watch(self) -> None:
        """Start again what has ended, until the end."""
        while not self._ends.wait(_AGAIN_SECONDS):
            for name, process in list(self._processes.items()):
                if process.poll() is not None:
                    self._run(name)

    def stop(self) -> None:
        """End everything, what depends on others first."""
        self._ends.set()
        for process in reversed(self._processes.values()):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()

    def _run(self, name: str) -> None:
        command = [str(self._tools / "usr" / "bin" / name), *self._flags(name)]
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        (self._folder / f"{name}.pid").write_text(str(process.pid))
        self._processes[name] = process

    def _ready(self) -> bool:
        url = f"https://127.0.0.1:{self._api}/readyz"
        headers = {"Authorization": f"Bearer {ADMIN}"}
        ca = str(self._folder / "apiserver.crt")
        return requests.get(url, headers=headers, verify=ca, timeout=ANSWER_SECONDS).ok

    def _write_files(self) -> None:
        (self._folder / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n')
        key = ("openssl", "genrsa", "-out", "accounts.key", "2048")
        subprocess.run(key, check=True, capture_output=True, cwd=self._folder)
        cluster = {"server": f"https://127.0.0.1:{self._api}"}
        cluster["certificate-authority"] = str(self._folder / "apiserver.crt")
        context = {"cluster": "it", "user": "it"}
        config = {
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": {"token": ADMIN}}],
            "contexts": [{"name": "it", "context": context}],
            "current-context": "it",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def _flags(self, name: str) -> list[str]:
        """Nothing listens beyond this machine, and nobody is elected."""
        config = f"--kubeconfig={self.kubeconfig}"
        alone = [config, "--leader-elect=false", "--secure-port=0"]
        etcd, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, self._peer))
        return {
            "etcd": [
                *("--data-dir=etcd", "--unsafe-no-fsync", "--name=it"),
                *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"),
                *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
                f"--initial-cluster=it={peer}",
            ],
            "kube-apiserver": [
                *(f"--etcd-servers={etcd}", f"--secure-port={self._api}"),
                *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"),
                *("--cert-dir=.", "--token-auth-file=tokens.csv", "--authorization-mode=RBAC"),
                "--service-account-key-file=accounts.key",
                "--service-account-signing-key-file=accounts.key",
                *("--service-account-issuer=https://it", "--service-cluster-ip-range=10.0.0.0/24"),
                *("--endpoint-reconciler-type=none", "--request-timeout=5s"),
            ],
            "kube-controller-manager": [
                *(*alone, "--service-account-private-key-file=accounts.key"),
                *("--root-ca-file=apiserver.crt", "--horizontal-pod-autoscaler-sync-period=1s"),
                "--node-monitor-grace-period=10m",
            ],
            "kube-scheduler": alone,
            "kwok": [config, f"--config={STAGES}", "--manage-all-nodes=true"],
        }[name]


@contextmanager
def running(tools: Path, folder: Path, ports: list[int]) -> Iterator[Plane]:
    """A control plane, until the block ends."""
    plane = Plane(tools, folder, ports)
    watch = threading.Thread(target=plane.watch, daemon=True)
    try:
        plane.start()
        watch.start()
        yield plane
    finally:
        plane.stop()
