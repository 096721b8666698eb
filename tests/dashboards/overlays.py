"""Settings of which dashboards are tested beside the defaults."""

#: Several clusters, windows that differ, a console, nobody paged, no incidents.
OTHERWISE = """
metrics: {identity: [extractor, cluster, region], selector: 'namespace="prod"'}
alerts:
  FeatureExtractionLatencyHigh: {window: 10m}
  FeatureExtractionErrorRateHigh: {enabled: false}
links: {console: "https://console.example.com"}
channels: {pagerduty: {enabled: false}}
correlation: {enabled: false}
"""
