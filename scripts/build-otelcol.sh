#!/bin/sh
# Build a Collector with nothing but OTLP and the Prometheus exporter into FOLDER/usr/bin.
# usage: build-otelcol.sh FOLDER
set -eu
mkdir -p "$1/usr/bin"
folder=$(cd "$1/usr/bin" && pwd)
command -v go >/dev/null || { echo "build-otelcol: go is not on PATH; install Go" >&2; exit 1; }
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
version=0.165.0
cat >"$sources/builder.yaml" <<CONFIG
dist: {name: otelcol, output_path: $sources/made, version: $version}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v$version
exporters:
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter v0.165.1
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.71.0
  # The default, without which none starts.
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v1.71.0
CONFIG
go run "go.opentelemetry.io/collector/cmd/builder@v$version" --config "$sources/builder.yaml"
mv "$sources/made/otelcol" "$folder/otelcol"
