"""TLS: who gets in with which certificate, on the real server and from the real Alertmanager."""

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS, eventually

from featurewatch_kit import programs
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.generate import ALERTMANAGER, generate
from featurewatch_kit.project import load_config
from featurewatch_receiver.cli import main
from featurewatch_receiver.config.receiver import Tls
from featurewatch_receiver.connections import REQUEST_SECONDS
from featurewatch_receiver.errors import ConfigError
from featurewatch_receiver.tls import Certificates
from receiver.certificates import Authority
from receiver.in_process import AUTHORIZED, TOKEN
from receiver.payloads import Json, alert, payload
from receiver.processes import Replica

ROOT = Path(__file__).parents[2]
PATH = "/api/v1/webhook/alertmanager"


class SecureReplica(Replica):
    """A receiver with TLS; `client` is what a client knows and shows."""

    def ready(self) -> None:
        self.url = eventually(self._listening)["url"]

    def deliver(self, **client: Any) -> int:
        reply = requests.post(
            f"{self.url}{PATH}", json=payload(alert()), headers=AUTHORIZED, timeout=5, **client
        )
        return reply.status_code


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def serve(
    write_config: Callable[[], Path], settings: Json, authority: Authority, tmp_path: Path
) -> Iterator[Callable[..., SecureReplica]]:
    """Serve with a certificate of the authority, on a free port."""
    with contextlib.ExitStack() as stack:

        def start(**tls: Any) -> SecureReplica:
            cert, key = authority.issue("server")
            settings["receiver"]["listen"] = "127.0.0.1:0"
            settings["receiver"]["tls"] = {"cert_file": cert, "key_file": key} | tls
            served = SecureReplica(write_config(), tmp_path / "secure.log")
            stack.callback(served.kill)
            served.ready()
            return served

        yield start


def test_a_delivery_comes_over_tls_and_not_without(
    serve: Callable[..., SecureReplica], authority: Authority
) -> None:
    served = serve()
    assert served.url.startswith("https://")
    assert served.deliver(verify=str(authority.file)) == 200
    with pytest.raises(requests.exceptions.SSLError):
        served.deliver()  # an authority that the machine does not know
    plain = served.url.replace("https:", "http:")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{plain}/healthz", timeout=ANSWER_SECONDS)


def is_hung_up_on(sender: socket.socket) -> bool:
    """Whether the server ends it in time, whatever it says before."""
    with contextlib.suppress(ssl.SSLError, ConnectionError):  # a timeout is neither
        while sender.recv(4096):
            pass
    return True


def test_whoever_sends_no_more_is_hung_up_on(
    serve: Callable[..., SecureReplica], authority: Authority
) -> None:
    host, _, port = serve().url.removeprefix("https://").partition(":")
    place, patience = (host, int(port)), 3 * REQUEST_SECONDS
    known = ssl.create_default_context(cafile=str(authority.file))
    with (
        socket.create_connection(place, timeout=patience) as greeting,
        socket.create_connection(place, timeout=patience) as plain,
        known.wrap_socket(plain, server_hostname=host) as sender,
    ):
        greeting.sendall(b"\x16\x03\x01")
        sender.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x".encode())
        assert is_hung_up_on(greeting)
        assert is_hung_up_on(sender)


def test_with_client_certificates_nobody_else_gets_in(
    serve: Callable[..., SecureReplica], authority: Authority, tmp_path: Path
) -> None:
    served = serve(client_ca_file=str(authority.file))
    known = {"verify": str(authority.file)}
    assert served.deliver(**known, cert=authority.issue("client")) == 200
    stranger = Authority(tmp_path, "other-ca").issue("stranger")
    for certificate in (None, stranger):
        with pytest.raises(requests.ConnectionError):
            served.deliver(**known, cert=certificate)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{served.url}/healthz", timeout=ANSWER_SECONDS, **known, cert=certificate)


def test_certificates_are_replaced_without_a_restart_and_a_bad_one_is_not_taken(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = authority.issue("server")
    certificates = Certificates(Tls(cert_file=cert, key_file=key))
    first = certificates.current()
    assert certificates.current() is first
    Path(cert).write_text("half a cert")
    assert certificates.current() is first
    assert certificates.current() is first
    assert caplog.text.count("certificates can't be used") == 1
    new_cert, new_key = authority.issue("new")
    Path(new_cert).replace(cert)
    Path(new_key).replace(key)
    assert certificates.current() is not first


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"cert_file": "/none/cert.pem"}, "receiver.tls.cert_file: /none/cert.pem and"),
        ({"client_ca_file": "/none/ca.pem"}, "receiver.tls.client_ca_file: /none/ca.pem can't"),
    ],
)
def test_what_can_not_be_served_with_is_one_line(  # noqa: PLR0913, PLR0917  # fixtures
    write_config: Callable[[], Path],
    settings: Json,
    authority: Authority,
    change: Json,
    place: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cert, key = authority.issue("server")
    settings["receiver"] |= {"listen": "127.0.0.1:0"}
    settings["receiver"]["tls"] = {"cert_file": cert, "key_file": key} | change
    assert main(["serve", "--config", str(write_config())]) == 2
    line = capsys.readouterr().err
    assert line.startswith(place)
    assert line.count("\n") == 1


def test_a_key_with_a_passphrase_is_not_asked_for(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue("server")
    locked = tmp_path / "locked.key"
    authority.openssl("ec", "-in", key, "-out", locked, "-aes256", "-passout", "pass:word")
    with pytest.raises(ConfigError, match="passphrase"):
        Certificates(Tls(cert_file=cert, key_file=str(locked)))


def test_old_protocols_are_not_spoken(authority: Authority) -> None:
    cert, key = authority.issue("server")
    context = Certificates(Tls(cert_file=cert, key_file=key)).current()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_real_alertmanager_delivers_with_its_certificate(
    serve: Callable[..., SecureReplica], authority: Authority, tmp_path: Path
) -> None:
    served = serve(client_ca_file=str(authority.file))
    cert, key = authority.issue("alertmanager")
    client_tls = {"ca_file": str(authority.file), "cert_file": cert, "key_file": key}
    overlay = tmp_path / "overlay.yaml"
    (tmp_path / "am-token").write_text(TOKEN)
    overlay.write_text(
        yaml.safe_dump(
            {
                "channels": {n: {"enabled": False} for n in ("email", "slack", "pagerduty")},
                "receiver": {
                    "url": served.url,
                    "token_file": str(tmp_path / "am-token"),
                    "client_tls": client_tls,
                },
                "templates_path": str(tmp_path / "none/*.tmpl"),
            }
        )
    )
    config = tmp_path / "alertmanager.yaml"
    config.write_text(generate(load_config(ROOT, [overlay]), ROOT)[ALERTMANAGER])
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Processes(tmp_path / "logs") as processes:
        options = {
            "config.file": config,
            "storage.path": tmp_path / "data",
            "web.listen-address": f"127.0.0.1:{port}",
            "cluster.listen-address": "",
        }
        program = programs.find(programs.ALERTMANAGER, ROOT)
        processes.start_program("alertmanager", program, ROOT, options)
        processes.wait_until("alertmanager starts", lambda: _ready(url), PATIENCE_SECONDS)
        labels = alert()["labels"] | {"escalation_policy": "latency_violation"}
        requests.post(f"{url}/api/v2/alerts", json=[{"labels": labels}], timeout=ANSWER_SECONDS)
        eventually(lambda: [line for line in served.lines() if line["event"] == "alert"])


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=ANSWER_SECONDS).ok
    except requests.ConnectionError:
        return False


OVERLAY = """
receiver:
  url: {url}
  client_tls: {{ca_file: /tls/ca.pem, cert_file: /tls/client.pem, key_file: {key}}}
"""


def test_alertmanager_and_prometheus_are_told_how_to_reach_it(
    generated: Callable[[str], Path], amtool: Path
) -> None:
    folder = generated(OVERLAY.format(url="https://receiver:9099", key="/tls/client.key"))
    told = {"ca_file": "/tls/ca.pem", "cert_file": "/tls/client.pem", "key_file": "/tls/client.key"}
    alertmanager = yaml.safe_load((folder / ALERTMANAGER).read_text())
    (webhook,) = [w for r in alertmanager["receivers"] for w in r.get("webhook_configs", [])]
    assert webhook["http_config"]["tls_config"] == told
    prometheus = yaml.safe_load((folder / "prometheus/generated/prometheus.yaml").read_text())
    (job,) = [j for j in prometheus["scrape_configs"] if "receiver" in j["job_name"]]
    assert (job["scheme"], job["tls_config"]) == ("https", told)
    subprocess.run(
        [amtool, "check-config", folder / ALERTMANAGER], check=True, timeout=PATIENCE_SECONDS
    )


@pytest.mark.parametrize(
    ("url", "key", "fault"),
    [
        ("http://receiver:9099", "/k", "receiver.client_tls: has no effect without TLS; "),
        ("https://receiver:9099", "null", "receiver.client_tls.key_file: is missing beside its "),
    ],
)
def test_client_tls_that_can_not_work_is_refused(
    generated: Callable[[str], Path], url: str, key: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        generated(OVERLAY.format(url=url, key=key))
    (line,) = caught.value.problems
    assert fault in line
