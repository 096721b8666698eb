// The whole system: settings, recording rules, alerts, dashboards, and Alertmanager's configuration.
(import 'config.libsonnet') +
(import 'rules/rules.libsonnet') +
(import 'dashboards/dashboards.libsonnet') +
(import 'alertmanager/alertmanager.libsonnet')
