// Four dashboards, and how Grafana finds them and Prometheus.
{
  local config = $.featurewatchSettings,
  // The labels by which alerts are told apart, those of any of them.
  local identities = std.set(std.flattenArrays(std.objectValues($.featurewatchIdentities))),

  grafanaDashboards+:: {
    [made.uid + '.json']: made
    for made in [
      (import 'overview.libsonnet')(config, $.featurewatchJudged),
      (import 'extractor.libsonnet')(config),
      (import 'alerts.libsonnet')(config, identities),
      (import 'remediation.libsonnet')(config),
    ]
  },

  featurewatchProvisioning:: (import 'provisioning.libsonnet')(config),
}
