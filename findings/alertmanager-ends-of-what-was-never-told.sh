#!/bin/sh
# Alertmanager tells the end of an alert whose beginning it never told: one that was inhibited for all
# of its life, and ended before what inhibited it. Prometheus sends each end again for 15 minutes, so
# that it is back in its group when the other one ends, and is then not inhibited. The message of the
# group's end lists it beside the alert that people know, and may be titled after it.
# Needs Go, Python 3 and curl. Fails when Alertmanager no longer does that.
set -eu
version=v0.28.1
folder=$(mktemp -d)
processes=
end() {
    for process in $processes; do kill "$process" 2>/dev/null || true; done
    wait
    chmod -R u+w "$folder"
    rm -rf "$folder"
}
trap end EXIT
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

echo "building Alertmanager $version, some minutes"
GOBIN=$folder go install "github.com/prometheus/alertmanager/cmd/alertmanager@$version"

told=$(free_port)
port=$(free_port)
cat >"$folder/told.py" <<'PYTHON'
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Told(BaseHTTPRequestHandler):
    def do_POST(self):
        group = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        alerts = sorted(a["labels"]["alertname"] + " " + a["status"] for a in group["alerts"])
        print(group["status"] + ": " + ", ".join(alerts), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Told).serve_forever()
PYTHON
cat >"$folder/config.yml" <<CONFIG
route: {receiver: told, group_by: [service], group_wait: 1s, group_interval: 1s}
receivers:
  - name: told
    webhook_configs: [{url: "http://127.0.0.1:$told/"}]
inhibit_rules:
  - source_matchers: [alertname="Incident"]
    target_matchers: [alertname="Member"]
    equal: [service]
CONFIG
python3 "$folder/told.py" "$told" >"$folder/told" &
processes=$!
"$folder/alertmanager" --config.file="$folder/config.yml" --storage.path="$folder/data" \
    --cluster.listen-address= --web.listen-address="127.0.0.1:$port" >"$folder/log" 2>&1 &
processes="$processes $!"
url=http://127.0.0.1:$port
curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --output /dev/null "$url/-/ready"

began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
# send NAME [END]: what Prometheus sends of an alert that fires, or has ended.
send() {
    curl --silent --fail --header 'Content-Type: application/json' "$url/api/v2/alerts" --data "[{
        \"labels\": {\"alertname\": \"$1\", \"service\": \"one\"},
        \"startsAt\": \"$began\"${2:+, \"endsAt\": \"$2\"}}]"
}
# heard TEXT: wait until a message says that, at most a minute.
heard() {
    for _ in $(seq 60); do
        grep -q "$1" "$folder/told" && return
        # Its end is sent again and again.
        [ -z "${ended:-}" ] || send Member "$ended"
        python3 -c 'import time; time.sleep(1)'
    done
    echo "not heard within a minute: $1" >&2
    return 1
}
send Incident
send Member
heard '^firing'
ended=$(date -u +%Y-%m-%dT%H:%M:%SZ)
send Member "$ended"
# Its group is looked at meanwhile, and tells nothing.
for _ in 1 2 3 4; do
    send Member "$ended"
    python3 -c 'import time; time.sleep(1)'
done
send Incident "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
heard '^resolved'

echo "Alertmanager $version told:"
sort -u "$folder/told"
[ "$(sort -u "$folder/told")" = "firing: Incident firing
resolved: Incident resolved, Member resolved" ]
