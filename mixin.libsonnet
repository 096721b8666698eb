// The whole system: settings, recording rules, alerts, dashboards, Alertmanager's configuration,
// all of it as resources for the Prometheus Operator, and what Prometheus scrapes.
local unknown = import 'lib/unknown.libsonnet';

(import 'config.libsonnet') +
(import 'rules/rules.libsonnet') +
(import 'dashboards/dashboards.libsonnet') +
(import 'alertmanager/alertmanager.libsonnet') +
(import 'operator/operator.libsonnet') +
(import 'prometheus/prometheus.libsonnet') +
{
  // Overrides in jsonnet do not pass the kit's model: at least no key of theirs goes unread.
  local settings = $._config.featurewatch,
  local faults = if std.objectHasAll(settings, 'unchecked') then unknown(settings) else [],
  local checked(made) = assert faults == [] : std.join('\n', faults); made,

  prometheusRules:: checked(super.prometheusRules),
  prometheusAlerts:: checked(super.prometheusAlerts),
  grafanaDashboards:: checked(super.grafanaDashboards),
  featurewatchProvisioning:: checked(super.featurewatchProvisioning),
  alertmanagerConfig:: checked(super.alertmanagerConfig),
  featurewatchPrometheus:: checked(super.featurewatchPrometheus),
}
