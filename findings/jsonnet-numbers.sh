#!/bin/sh
# Numbers in rjsonnet 0.5.6 (jrsonnet's engine, the fast one for Python): '%g' of 0.00007 is 6.1e-05
# and of 0.999999999999 it is 0.1 (the carry of a rounding is lost), std.parseJson reads the last
# digit of some numbers wrong (a literal of the same digits is exact), and `==` is true of numbers
# that differ, such as 1e-300 and 0. The original engine does right in all but one: its %.12g of
# 0.999999999999, which has twelve digits, is 1.
# jsonnet.org: numbers are IEEE754 doubles, and std.format follows Python's.
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

PROGRAM = """[
  '%.12g' % 0.00007,
  '%.12g' % 0.999999999999,
  std.parseJson('0.48785665652414756') < 0.48785665652414756,
  1e-300 == 0,
]"""
SEEN = {
    "jsonnet": (_jsonnet, ["7e-05", "1", False, False]),
    "rjsonnet": (rjsonnet, ["6.1e-05", "0.1", True, True]),
}
print(PROGRAM)
changed = False
for name, (engine, expected) in SEEN.items():
    made = json.loads(engine.evaluate_snippet("finding", PROGRAM))
    print(f"{name} {importlib.metadata.version(name)}: {json.dumps(made)}")
    if made != expected:
        print(f"  changed; it was {json.dumps(expected)}")
        changed = True
sys.exit(changed)
PYTHON
