"""The resources for the Prometheus Operator: what its CRDs and the programs behind it accept."""

import copy
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from waiting import PATIENCE_SECONDS

from featurewatch_kit.errors import GenerationError
from featurewatch_kit.project import load_config
from featurewatch_receiver.errors import ConfigError

CRDS = Path(__file__).parent / "crds"
FOLDER = "operator/generated"
SECRET = f"{FOLDER}/alertmanager-secret.yaml"
RULE = f"{FOLDER}/prometheus-rule.yaml"
MONITORS = {
    "extractors": f"{FOLDER}/service-monitor-extractors.yaml",
    "receiver": f"{FOLDER}/service-monitor-receiver.yaml",
}
# `kubectl apply` keeps a copy of a resource in an annotation, and annotations end there.
ANNOTATION_BYTES = 262_144


def load(file):
    """Content of a YAML file."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def run(*command):
    """Exit code and all that the command says."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    return done.returncode, done.stdout + done.stderr


REGISTRY = Registry().with_resources(
    (file.name, Resource.from_contents(load(file), default_specification=DRAFT202012))
    for file in CRDS.glob("*.yaml")
)


def faults(resource):
    """What the schema of its kind says against a resource."""
    schema = load(CRDS / f"{resource['kind']}.yaml")
    return [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema, registry=REGISTRY).iter_errors(resource)
    ]


@pytest.fixture(scope="module")
def resources(root):
    """Every committed resource, by file."""
    return {file.name: load(file) for file in (root / FOLDER).glob("*.yaml")}


@pytest.fixture(scope="module")
def secret(root):
    """The keys of the generated Secret."""
    return load(root / SECRET)["stringData"]


# --- What Kubernetes accepts ----------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(CRDS.glob("*.yaml")), ids=lambda file: file.name)
def test_the_schemas_are_schemas(file):
    Draft202012Validator.check_schema(load(file))


def test_every_resource_is_what_its_kind_asks_for(resources):
    assert {name: faults(resource) for name, resource in resources.items()} == {
        "prometheus-rule.yaml": [],
        "alertmanager-secret.yaml": [],
        "service-monitor-extractors.yaml": [],
        "service-monitor-receiver.yaml": [],
        "grafana-dashboards.yaml": [],
    }


BREAKS = [
    ("prometheus-rule.yaml", ["metadata", "name"], "FeatureWatch", "does not match"),
    ("prometheus-rule.yaml", ["metadata", "labels", "release"], "a b", "does not match"),
    ("prometheus-rule.yaml", ["spec", "groups", 0, "interval"], 15, "not of type 'string'"),
    ("prometheus-rule.yaml", ["spec", "groups", 0, "interval"], "soon", "does not match"),
    ("prometheus-rule.yaml", ["spec", "groups", 0, "rules", 0, "exprs"], "1", "'exprs'"),
    ("prometheus-rule.yaml", ["spec", "rules"], [], "'rules'"),
    ("service-monitor-receiver.yaml", ["spec", "endpoints", 0, "port"], 9099, "'string'"),
    ("service-monitor-receiver.yaml", ["spec", "endpoint"], [], "'endpoint'"),
    ("service-monitor-receiver.yaml", ["kind"], "Secret", "'spec'"),
    ("alertmanager-secret.yaml", ["stringData", "a/b.tmpl"], "", "does not match"),
    ("alertmanager-secret.yaml", ["stringData", "alertmanager.yaml"], {}, "'string'"),
    ("grafana-dashboards.yaml", ["data", "a/b.json"], "", "does not match"),
    ("grafana-dashboards.yaml", ["data", "featurewatch-overview.json"], {}, "'string'"),
]


@pytest.mark.parametrize(("name", "path", "value", "fault"), BREAKS)
def test_a_broken_resource_is_refused(name, path, value, fault, resources):
    broken = copy.deepcopy(resources[name])
    node = broken
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert fault in " ".join(faults(broken))


def test_no_two_resources_of_a_kind_have_one_name(resources):
    names = [(resource["kind"], resource["metadata"]["name"]) for resource in resources.values()]
    assert len(set(names)) == len(names)


def test_kubectl_apply_can_hold_each_resource(resources):
    sizes = {name: len(json.dumps(resource)) for name, resource in resources.items()}
    assert {name: size for name, size in sizes.items() if size > ANNOTATION_BYTES} == {}


def test_the_config_map_holds_the_dashboards_that_are_generated_elsewhere(root, resources):
    files = sorted((root / "dashboards/generated").glob("*.json"))
    data = resources["grafana-dashboards.yaml"]["data"]
    assert {name: json.loads(text) for name, text in data.items()} == {
        file.name: json.loads(file.read_text(encoding="utf-8")) for file in files
    }


# --- What the programs behind the Operator accept -------------------------------------------


def test_the_rule_holds_the_groups_that_prometheus_loads_elsewhere(root):
    files = sorted((root / "rules/generated").glob("*.yaml"))
    groups = {group["name"]: group for file in files for group in load(file)["groups"]}
    assert groups == {group["name"]: group for group in load(root / RULE)["spec"]["groups"]}


def test_promtool_accepts_the_groups_of_the_rule(root, promtool, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(load(root / RULE)["spec"]))
    code, said = run(promtool, "check", "rules", file)
    assert code == 0, said


def test_amtool_accepts_the_secret_as_it_is_mounted(secret, amtool, tmp_path):
    """Each key is a file of one folder; only where that folder is differs."""
    for name, text in secret.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    config = tmp_path / "alertmanager.yaml"
    mounted = "/etc/alertmanager/config/"
    assert mounted in config.read_text()
    config.write_text(config.read_text().replace(mounted, f"{tmp_path}/"))
    code, said = run(amtool, "check-config", config)
    assert code == 0, said
    assert "1 templates" in said


def test_every_message_template_is_in_the_secret(root, secret):
    templates = {
        file.name: file.read_text(encoding="utf-8")
        for file in (root / "alertmanager/templates").glob("*.tmpl")
    }
    assert {name: text for name, text in secret.items() if name.endswith(".tmpl")} == templates


def test_the_secret_says_what_alertmanagers_own_file_says_but_for_paths(root, secret):
    ours = yaml.safe_load(secret["alertmanager.yaml"])
    other = load(root / "alertmanager/generated/alertmanager.yaml")
    assert [ours[key] for key in ("route", "inhibit_rules")] == [
        other[key] for key in ("route", "inhibit_rules")
    ]
    assert ours.keys() == other.keys()
    assert [receiver["name"] for receiver in ours["receivers"]] == [
        receiver["name"] for receiver in other["receivers"]
    ]


def test_secret_files_are_keys_of_one_mounted_secret(root, secret):
    other = (root / "alertmanager/generated/alertmanager.yaml").read_text(encoding="utf-8")
    names = {path.rsplit("/", 1)[-1] for path in re.findall(r"_file: (\S+)", other)}
    assert names
    assert set(re.findall(r"_file: (\S+)", secret["alertmanager.yaml"])) == {
        f"/etc/alertmanager/secrets/featurewatch-secrets/{name}" for name in names
    }


def test_a_path_below_another_mounted_secret_is_kept(generated):
    path = "/etc/alertmanager/secrets/slack/url"
    folder = generated(f"channels: {{slack: {{api_url_file: {path}}}}}")
    config = yaml.safe_load(load(folder / SECRET)["stringData"]["alertmanager.yaml"])
    assert config["global"]["slack_api_url_file"] == path


def test_two_files_of_one_name_are_not_made_one_key(generated):
    with pytest.raises(GenerationError, match="two secret files have one name") as raised:
        generated("""recipients:
          on_call_engineer: {pagerduty_routing_key_file: /run/on-call/key}
          engineering_manager: {pagerduty_routing_key_file: /run/managers/key}
        """)
    assert "/run/on-call/key" in str(raised.value)


# --- Scraping -------------------------------------------------------------------------------


@pytest.mark.parametrize("service", MONITORS)
def test_a_service_is_found_by_the_label_that_becomes_its_job(service, root):
    wanted = load(root / "config.yaml")["operator"]["services"][service]
    spec = load(root / MONITORS[service])["spec"]
    assert spec["selector"]["matchLabels"] == {spec["jobLabel"]: wanted["name"]}
    assert [endpoint["port"] for endpoint in spec["endpoints"]] == [wanted["port"]]


def test_the_default_services_become_the_jobs_that_the_rules_look_for(root):
    config = load_config(root, [])
    services = config.operator.services
    assert re.fullmatch(config.metrics.job, services.extractors.name)
    assert re.fullmatch(config.metrics.receiver_job, services.receiver.name)


def test_what_is_evaluated_every_so_often_is_scraped_as_often(generated):
    folder = generated(
        "{alerting: {evaluation_interval: 30s}, routing: {people: {group_wait: 90s}}}"
    )
    for file in MONITORS.values():
        assert load(folder / file)["spec"]["endpoints"][0]["interval"] == "30s"


def test_without_a_receiver_none_is_scraped(generated):
    folder = generated("{responses: {enabled: false}, channels: {dashboard: {enabled: false}}}")
    assert (folder / MONITORS["extractors"]).is_file()
    assert not (folder / MONITORS["receiver"]).exists()


# --- The guide ---------------------------------------------------------------------------------


def test_the_overlay_of_the_guide_is_valid(root, generated):
    guide = (root / "docs/operator.md").read_text(encoding="utf-8")
    overlay = re.search(r"```yaml\n(# my\.yaml\n.*?)```", guide, re.DOTALL)[1]
    monitor = load(generated(overlay) / MONITORS["receiver"])
    assert monitor["metadata"]["namespace"] == "monitoring"


def test_the_guide_names_every_file_and_every_key_of_the_secret(root, secret):
    guide = (root / "docs/operator.md").read_text(encoding="utf-8")
    keys = re.findall(r"_file: \S+/(\S+)", secret["alertmanager.yaml"])
    assert keys
    assert [key for key in keys if f"--from-file={key}" not in guide] == []
    assert [f.name for f in (root / FOLDER).glob("*") if f"`{f.name}`" not in guide] == []


# --- Settings -------------------------------------------------------------------------------


def test_every_resource_has_the_namespace_and_the_labels_of_the_settings(generated):
    labels = "{prometheus: k8s, example.com/team: search}"
    folder = generated(f"operator: {{namespace: ml, labels: {labels}}}")
    found = [load(file)["metadata"] for file in (folder / FOLDER).glob("*.yaml")]
    assert len(found) == 5
    for metadata in found:
        assert metadata["namespace"] == "ml"
        # By which Grafana's sidecar finds the dashboards, and them alone.
        mark = metadata["labels"].pop("grafana_dashboard", None)
        assert (mark == "1") is (metadata["name"] == "featurewatch-dashboards")
        assert metadata["labels"] == {
            "release": "kube-prometheus-stack",
            "prometheus": "k8s",
            "example.com/team": "search",
        }


@pytest.mark.parametrize(
    ("overlay", "place"),
    [
        ("{namespace: Monitoring}", "operator.namespace"),
        ("{labels: {release: a b}}", "operator.labels.release"),
        ("{labels: {-x: y}}", "operator.labels.-x"),
        ("{services: {receiver: {name: featurewatch_receiver}}}", "operator.services.receiver"),
        ("{services: {receiver: {port: 9099}}}", "operator.services.receiver.port"),
    ],
)
def test_a_name_that_kubernetes_would_refuse_is_refused_with_its_place(
    overlay, place, root, tmp_path
):
    file = tmp_path / "overlay.yaml"
    file.write_text(f"operator: {overlay}", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(root, [file])
    assert place in str(raised.value)
