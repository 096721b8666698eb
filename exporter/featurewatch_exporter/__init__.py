"""The command ``featurewatch-exporter``: metrics of services that cannot import the library.

It reads figures that a service already gives, as JSON or Prometheus text from a URL, as lines of
JSON in a file or as statsd datagrams, and shows them under the names of
:mod:`featurewatch.names`. Start with :mod:`featurewatch_exporter.config` for what can be said, and
:mod:`featurewatch_exporter.exporter` for what runs.
"""
