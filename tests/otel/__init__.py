"""Services that are instrumented with OpenTelemetry."""
