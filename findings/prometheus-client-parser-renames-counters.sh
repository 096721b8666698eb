#!/bin/sh
# prometheus-client's parser gives a counter without _total another name than the page has.
#
# Triton, and everything that wrote counters before OpenMetrics, exposes nv_inference_count with
# `# TYPE ... counter`. Prometheus stores it under that name; the parser returns a sample that is
# called nv_inference_count_total. Whoever looks up series by the names on the page finds none.
#
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from prometheus_client.parser import text_string_to_metric_families

page = """\
# HELP nv_inference_count Number of inferences performed
# TYPE nv_inference_count counter
nv_inference_count{model="resnet"} 3
"""
names = [s.name for family in text_string_to_metric_families(page) for s in family.samples]
print("prometheus-client", version("prometheus-client"))
print(page, end="")
print("the names of its samples:", names)
assert names == ["nv_inference_count_total"], "it keeps the name of the page now"
PYTHON
