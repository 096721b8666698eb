// The same rules and the same Alertmanager configuration, as Kubernetes resources for the
// Prometheus Operator; see docs/operator.md. One file is generated for each field.
local receivers = import '../alertmanager/receivers.libsonnet';
local dashboard = import '../lib/dashboard.libsonnet';
local ours = import '../lib/ours.libsonnet';
local mounted = import 'alertmanager.libsonnet';

local name_label = 'app.kubernetes.io/name';
local templates = {
  'common.tmpl': importstr '../alertmanager/templates/common.tmpl',
  'email.tmpl': importstr '../alertmanager/templates/email.tmpl',
  'pagerduty.tmpl': importstr '../alertmanager/templates/pagerduty.tmpl',
  'slack.tmpl': importstr '../alertmanager/templates/slack.tmpl',
};

{
  local config = $.featurewatchSettings,
  local operator = config.operator,
  local resource(api, kind, name) = {
    apiVersion: api,
    kind: kind,
    metadata: { name: name, namespace: operator.namespace, labels: operator.labels },
  },
  local monitor(service, more={}) = resource('monitoring.coreos.com/v1', 'ServiceMonitor', service.name) {
    spec: {
      selector: { matchLabels: { [name_label]: service.name } },
      // The label job, on which the alerts about unreachable instances depend.
      jobLabel: name_label,
      endpoints: [{ port: service.port, interval: config.alerting.evaluation_interval } + more],
    },
  },

  featurewatchOperator:: {
    'prometheus-rule': resource('monitoring.coreos.com/v1', 'PrometheusRule', 'featurewatch') {
      // Another mixin's groups are its own affair, and so is its PrometheusRule.
      spec: { groups: ours($.prometheusRules.groups + $.prometheusAlerts.groups) },
    },
    'alertmanager-secret': resource('v1', 'Secret', 'featurewatch-alertmanager') {
      type: 'Opaque',
      stringData: templates {
        'alertmanager.yaml': std.manifestYamlDoc(
          mounted($.alertmanagerConfig, operator.secret), quote_keys=false
        ) + '\n',
      },
    },
    // A feature extraction service may run in any namespace.
    'service-monitor-extractors': monitor(
      operator.services.extractors,
      // As in prometheus/prometheus.libsonnet.
      if config.metrics.source == 'otel' then { honorLabels: true } else {},
    ) {
      spec+: { namespaceSelector: { any: true } },
    },
    [if receivers.remediates(config) then 'service-monitor-receiver']:
      monitor(operator.services.receiver),
    'grafana-dashboards': resource('v1', 'ConfigMap', 'featurewatch-dashboards') {
      // What the sidecar of Grafana's Helm chart looks for.
      metadata+: { labels+: { grafana_dashboard: '1' } },
      data: {
        [name]: std.manifestJsonMinified($.grafanaDashboards[name])
        for name in std.objectFields($.grafanaDashboards)
        if std.startsWith(name, dashboard.prefix)
      },
    },
  },
}
