"""The generated rules and their promtool files, for the tests of this folder."""

import shutil
import subprocess
from pathlib import Path

import yaml

HERE = Path(__file__).parent
NAMES = sorted(file.stem for file in HERE.glob("*.yaml"))

# What must be configured before the rules of an alert are generated at all.
OVERLAYS = {
    "FeaturewatchMaintenance": """
maintenance:
  - {name: everything, from: 1970-01-01T00:10:00Z, to: 1970-01-01T00:20:00Z}
  - name: one
    from: 1970-01-01T00:30:00Z
    to: 1970-01-01T00:40:00Z
    extractors: [big_model]
"""
}


def run(*command):
    """Exit code and all that the command says."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def rules(file):
    """Every rule of a generated file."""
    groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def edit(folder, change):
    """Let `change(rule)` edit every rule below a folder; what it returns replaces the rule."""
    for file in (folder / "rules/generated").glob("*.yaml"):
        tree = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for group in tree["groups"]:
            group["rules"] = [edited for rule in group["rules"] if (edited := change(rule))]
        file.write_text(yaml.dump(tree, Dumper=yaml.CSafeDumper), encoding="utf-8")


def promtool_test(promtool, folder, name):
    """Run tests/rules/<name>.yaml on the rules that were generated below the folder."""
    copy = folder / "tests" / "rules" / f"{name}.yaml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / copy.name, copy)
    asked = copy.read_text(encoding="utf-8") + _read_by(folder, name)

    def needed(rule):
        # Alerts that the file has no word of only take time.
        if rule.get("alert", "") not in asked:
            return None
        # It says something else at every moment, so a test of its own asks for it.
        rule.get("annotations", {}).pop("duration", None)
        return rule

    edit(folder, needed)
    return run(promtool, "test", "rules", copy)


def _read_by(folder, name):
    """The expressions of an alert, which name the alerts that it reads."""
    alerts = rules(folder / "rules/generated/featurewatch_alerts.yaml")
    return "\n".join(rule["expr"] for rule in alerts if rule.get("alert") == name)
