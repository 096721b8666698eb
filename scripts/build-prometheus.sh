#!/bin/sh
# Build Prometheus from the Go module proxy into FOLDER/usr/bin: Debian's has no OTLP receiver.
# usage: build-prometheus.sh FOLDER VERSION
# Without the discovery of clouds, most of the code, it is built in a fraction of the time.
set -eu
folder=$1
version=$2
command -v go >/dev/null || { echo "build-prometheus: go is not on PATH; install Go" >&2; exit 1; }
# The module of 3.16.0 is v0.316.0.
module=$(echo "$version" | awk -F. '{ printf "v0.%d%02d.%d", $1, $2, $3 }')
mkdir -p "$folder/usr/bin"
GOBIN=$(cd "$folder/usr/bin" && pwd) go install -tags remove_all_sd \
    -ldflags "-X github.com/prometheus/common/version.Version=$version" \
    "github.com/prometheus/prometheus/cmd/prometheus@$module"
