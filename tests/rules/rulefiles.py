"""The generated rules and their promtool files, for the tests of this folder."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml
from waiting import PATIENCE_SECONDS

HERE = Path(__file__).parent
GENERATED = (
    "rules/generated/featurewatch_rules.yaml",
    "rules/generated/featurewatch_alerts.yaml",
)
NAMES = sorted(file.stem for file in HERE.glob("*.yaml"))

# A program of Go that lives for a second does best without others to collect its garbage.
ONE_CORE = {"GOMAXPROCS": "1", "GOGC": "400"}

# What must be configured before the rules of an alert are generated at all.
OVERLAYS = {
    "FeatureExtractionUnusual": "alerts: {FeatureExtractionUnusual: {enabled: true, window: 2d}}",
    "FeaturewatchMaintenance": """
maintenance:
  - {name: everything, from: 1970-01-01T00:10:00Z, to: 1970-01-01T00:20:00Z}
  - name: one
    from: 1970-01-01T00:30:00Z
    to: 1970-01-01T00:40:00Z
    extractors: [big_model]
  - name: two
    from: 1970-01-01T01:00:00Z
    to: 1970-01-01T01:10:00Z
    extractors: [big_model]
  - name: three
    from: 1970-01-01T01:05:00Z
    to: 1970-01-01T01:20:00Z
    extractors: [small_model, big_model]
""",
}


def run(*command):
    """Exit code and all that the command says."""
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=os.environ | ONE_CORE,
    )
    return done.returncode, done.stdout + done.stderr


def rules(file):
    """Every rule of a generated file."""
    groups = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def edit(folder, change):
    """Let `change(rule)` edit every rule below a folder; what it returns replaces the rule."""
    for file in (folder / "rules/generated").glob("*.yaml"):
        tree = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for group in tree["groups"]:
            group["rules"] = [edited for rule in group["rules"] if (edited := change(rule))]
        file.write_text(yaml.dump(tree, Dumper=yaml.CSafeDumper), encoding="utf-8")


def ask(promtool, folder, series, questions, alerts=()):
    """Exit code and words of promtool about what series of four samples a minute lead to."""
    test = {
        "rule_files": ["rules/generated/*.yaml"],
        "evaluation_interval": "15s",
        "group_eval_order": ["featurewatch.rules", "featurewatch.alerts"],
        "tests": [
            {
                "interval": "15s",
                "input_series": series,
                "promql_expr_test": list(questions),
                "alert_rule_test": list(alerts),
            }
        ],
    }
    file = folder / "asked.yaml"
    file.write_text(yaml.safe_dump(test), encoding="utf-8")
    return run(promtool, "test", "rules", file)


def promtool_test(promtool, folder, name):
    """Exit code and words of tests/rules/<name>.yaml on the rules generated below the folder."""
    return _once(promtool, _prepare(folder, name))


def promtool_finds(promtool, folder, name):
    """Whether tests/rules/<name>.yaml fails on the rules generated below the folder.

    Its tests run one by one until one fails; that is sooner than all of them together.
    """
    file = _prepare(folder, name)
    whole = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    for test in whole["tests"]:
        alone = yaml.dump(whole | {"tests": [test]}, Dumper=yaml.CSafeDumper)
        file.write_text(alone, encoding="utf-8")
        code, said = run(promtool, "test", "rules", file)
        assert code == 0 or "FAILED" in said, said
        if code:
            return True
    return False


def _prepare(folder, name):
    """Copy the file below the folder, and leave the rules there that matter to it.

    Others, that it has no word of and that none reads of which it has, only take time.
    """
    copy = folder / "tests" / "rules" / f"{name}.yaml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / copy.name, copy)
    text = copy.read_text(encoding="utf-8")
    every = [r for file in GENERATED for r in rules(folder / file) if _incident(r) in text]
    asked = text + _expressions(every, name)
    wanted = _read(every, asked)

    def needed(rule):
        if rule not in wanted:
            return None
        # They say something else at every moment, so tests of their own ask for them.
        for annotation in ("duration", "evidence"):
            rule.get("annotations", {}).pop(annotation, None)
        return rule

    edit(folder, needed)
    return copy


def _incident(rule):
    """The incident that a rule is about, or nothing."""
    labels = rule.get("labels", {})
    is_one = labels.get("category") == "correlation"
    return labels.get("correlation", labels.get("type", "") if is_one else "")


def _expressions(every, name):
    """Those of an alert, which name the alerts that it reads."""
    return "\n".join(rule["expr"] for rule in every if rule.get("alert") == name)


def _read(every, asked):
    """The alerts that are asked for, and each recorded series that these or others of them read."""
    every = [rule for rule in every if rule.get("labels", {}).get("alert", "") in asked]
    wanted = [rule for rule in every if "alert" in rule and rule["alert"] in asked]
    while True:
        text = asked + str([[rule["expr"], rule.get("annotations")] for rule in wanted])
        more = [rule for rule in every if rule not in wanted and _is_read(rule, text)]
        if not more:
            return wanted
        wanted += more


def _is_read(rule, text):
    """Whether a text reads the series that a rule records; some are of one alert each."""
    if "record" not in rule:
        return False
    name = re.escape(rule["record"])
    alert = re.escape(rule.get("labels", {}).get("alert", ""))
    # In a template of an annotation, the quotes of a matcher are escaped.
    other = rf'\{{alert=\\*"(?!{alert}\\*")' if alert else r"(?!)"
    return re.search(rf"{name}(?![\w:])(?!{other})", text) is not None


_said = {}


def _once(promtool, file):
    """What promtool says of a file and its rules; asked once for each content."""
    said = tuple(
        each.read_text(encoding="utf-8")
        for each in (file, *sorted((file.parents[2] / "rules/generated").glob("*.yaml")))
    )
    if said not in _said:
        _said[said] = run(promtool, "test", "rules", file)
    return _said[said]
