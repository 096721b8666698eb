#!/bin/sh
# Prometheus 3 normalizes the label `le` of scraped histograms ("1" is stored as "1.0"), as its
# migration guide says of ingestion; of histograms that are pushed by OTLP it does not. One service
# that is scraped and one that pushes have different series for the same bound, so that a matcher
# le="1.0" or a sum by (le) sees half of them. histogram_quantile() takes both as one bound.
# Needs Go, Python 3 and curl. Fails when Prometheus no longer does that.
set -eu
version=v0.316.0 # the module of Prometheus 3.16.0
folder=$(mktemp -d)
server=
pages=
end() {
    for process in $server $pages; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$folder"
}
trap end EXIT
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

echo "building Prometheus $version, some minutes"
# Without the discovery of clouds, most of the code; it changes nothing here.
GOBIN=$folder go install -tags remove_all_sd "github.com/prometheus/prometheus/cmd/prometheus@$version"

mkdir "$folder/pages"
cat >"$folder/pages/metrics" <<'PAGE'
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.5"} 3
wait_seconds_bucket{le="1"} 4
wait_seconds_bucket{le="+Inf"} 4
wait_seconds_sum 2
wait_seconds_count 4
PAGE
page_port=$(free_port)
port=$(free_port)
cat >"$folder/prometheus.yml" <<CONFIG
scrape_configs:
  - job_name: scraped
    scrape_interval: 1s
    fallback_scrape_protocol: PrometheusText0.0.4
    static_configs: [{targets: ["127.0.0.1:$page_port"]}]
CONFIG
python3 -m http.server --bind 127.0.0.1 --directory "$folder/pages" "$page_port" >"$folder/pages.log" 2>&1 &
pages=$!
"$folder/prometheus" --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
    --web.listen-address="127.0.0.1:$port" --web.enable-otlp-receiver >"$folder/log" 2>&1 &
server=$!
url=http://127.0.0.1:$port
curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null "$url/-/ready"

now=$(date +%s)000000000
cat >"$folder/pushed.json" <<PUSHED
{"resourceMetrics": [{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "pushed"}}]},
  "scopeMetrics": [{"metrics": [{"name": "wait", "unit": "s", "histogram": {
    "aggregationTemporality": 2,
    "dataPoints": [{"startTimeUnixNano": "$now", "timeUnixNano": "$now", "count": "4", "sum": 2,
      "explicitBounds": [0.5, 1], "bucketCounts": ["3", "1", "0"]}]}}]}]
}]}
PUSHED
curl --silent --fail --header 'Content-Type: application/json' --data "@$folder/pushed.json" \
    "$url/api/v1/otlp/v1/metrics" >/dev/null

seen() {
    curl --silent --get "$url/api/v1/query" --data-urlencode 'query=wait_seconds_bucket' | python3 -c '
import json, sys
for result in json.load(sys.stdin)["data"]["result"]:
    print(result["metric"]["job"], "le=" + result["metric"]["le"])' | sort
}
expected='pushed le=+Inf
pushed le=0.5
pushed le=1
scraped le=+Inf
scraped le=0.5
scraped le=1.0'
tries=0
while [ "$(seen | wc -l)" -lt 6 ] && [ $((tries += 1)) -lt 120 ]; do sleep 1; done
go version -m "$folder/prometheus" | awk '$1 == "mod" { print $2, $3 }'
seen
[ "$(seen)" = "$expected" ] || { echo "not as expected:"; echo "$expected"; exit 1; }
