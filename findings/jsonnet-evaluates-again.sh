#!/bin/sh
# How often a value is computed in jsonnet 0.22.0 (the C++ engine) and in rjsonnet 0.5.6: a field of
# an object that is read twice is computed twice by C++ and once by rjsonnet, an element of a list once
# by both; and what std.prune finds at the bottom of eight objects is computed nine times by C++ and
# once by rjsonnet. So what one engine writes at once can take the other many times as long, and a
# list keeps what an object does not. std.trace tells each time.
# jsonnet.org: jsonnet is lazy; that the C++ engine keeps no field is not said there.
# Exit code: 0 as described, 1 when one of them has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jsonnet==0.22.0 rjsonnet==0.5.6
cat > "$folder/count.py" <<'PYTHON'
import importlib
import sys

importlib.import_module(sys.argv[1]).evaluate_snippet("finding", sys.argv[2])
PYTHON
value='std.trace("computed", 1)'
field="local all = { it: $value }; all.it + all.it"
element="local all = [$value]; all[0] + all[0]"
nested="std.prune({ a: { b: { c: { d: { e: { f: { g: { h: $value } } } } } } } })"
changed=0
counted() {
  times=$("$folder/venv/bin/python" "$folder/count.py" "$1" "$2" 2>&1 >/dev/null | grep -c computed)
  echo "$1: $times times: $2"
  [ "$times" = "$3" ] || { echo "  changed; it was $3"; changed=1; }
}
counted _jsonnet "$field" 2
counted rjsonnet "$field" 1
counted _jsonnet "$element" 1
counted rjsonnet "$element" 1
counted _jsonnet "$nested" 9
counted rjsonnet "$nested" 1
exit $changed
