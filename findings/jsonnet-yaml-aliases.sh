#!/bin/sh
# A mixin that reads its settings with std.parseYaml gets other settings from each engine as soon
# as the file has an alias: the original engine takes `*x` for the text "*x" and says nothing,
# rjsonnet resolves aliases, and neither knows merge keys (`<<`), which both keep as a key.
# YAML 1.2, 7.1: an alias node denotes the node with its anchor.
# Exit code: 0 as described, 1 when one of them has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jsonnet==0.22.0 rjsonnet==0.5.6
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import json
import sys

import _jsonnet
import rjsonnet

SETTINGS = "usual: &usual {threshold: 0.1}\nother: *usual\nmore: {<<: *usual, window: 5m}\n"
PROGRAM = f"std.parseYaml({json.dumps(SETTINGS)})"
USUAL = {"threshold": 0.1}
SEEN = {
    "jsonnet": (_jsonnet, {"other": "*usual", "more": {"<<": "*usual", "window": "5m"}}),
    "rjsonnet": (rjsonnet, {"other": USUAL, "more": {"<<": USUAL, "window": "5m"}}),
}
print(SETTINGS)
changed = False
for name, (engine, others) in SEEN.items():
    read = json.loads(engine.evaluate_snippet("finding", PROGRAM))
    print(f"{name} {importlib.metadata.version(name)} reads {json.dumps(read)}")
    changed |= read != {"usual": USUAL, **others}
print("changed" if changed else "as described")
sys.exit(changed)
PYTHON
