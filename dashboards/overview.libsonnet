// The five sources of the service against their thresholds.
local correlations = import '../lib/correlations.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local of(series) = '%s{extractor=~"$extractor"}' % series;
  // One value against the thresholds of the alerts that watch it, in each of their windows.
  local against(title, description, unit, alerts, record, matchers=[]) =
    local names = std.objectFields(alerts);
    local windows = std.set([config.alerts[name].window for name in names]);
    panels.timeseries(title, description, unit, [
      panels.target(of(record(window)), '{{extractor}} ' + window)
      for window in windows
    ] + [
      panels.target(
        q.threshold(name, ['extractor=~"$extractor"'] + matchers),
        'threshold %s{{extractor}}' % alerts[name]
      )
      for name in names
    ]);
  // Alerts that have no value of their own to draw.
  local firing(title, description, alerts) = panels.timeseries(title, description, 'short', [
    panels.target('sum by (alertname) (ALERTS{alertname="%s", alertstate="firing"})' % alert, '{{alertname}}')
    for alert in alerts
  ]);
  local utilization(resource, title) = against(
    title,
    "Of the container's limit, worst instance.",
    'percentunit',
    { FeatureExtractionResourcesCritical: '' },
    function(window) q.utilization(resource, window),
    ['resource="%s"' % resource]
  );
  local requests = q.metric('requests_total', ['extractor=~"$extractor"']);

  {
    uid: 'featurewatch-overview',
    title: 'Feature extraction / Overview',
    description: 'Latency, cache, errors, fallbacks and resources of feature extraction.',
    tags: ['featurewatch'],
    schemaVersion: 39,
    editable: false,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [panels.variables.datasource, panels.variables.extractor(q.metric('requests_total'))],
    },
    annotations: {
      list: [{
        name: 'Alerts',
        enable: true,
        iconColor: 'red',
        datasource: panels.datasource,
        expr: 'ALERTS{alertstate="firing", escalation_level="1", extractor=~"$extractor"}',
        titleFormat: '{{alertname}}',
        step: config.alerting.evaluation_interval,
      }],
    },
    panels: panels.grid([
      panels.timeseries('Requests', 'Extractions per second.', 'reqps', [
        panels.target('sum by (extractor) (rate(%s[$__rate_interval]))' % requests, '{{extractor}}'),
      ]),
      against(
        'Latency, 95th percentile',
        'Too slow above the lines.',
        's',
        { FeatureExtractionLatencyCritical: 'critical ', FeatureExtractionLatencyHigh: 'high ' },
        q.p95
      ),
      against(
        'Cache hit ratio',
        'Too low below the line.',
        'percentunit',
        { FeatureExtractionCacheHitRateLow: '' },
        q.hitRatio
      ),
      against(
        'Error ratio',
        'Extractions that raised an exception.',
        'percentunit',
        { FeatureExtractionErrorRateHigh: '' },
        q.errorRatio
      ),
      against(
        'Fallback ratio',
        "Answers without the model's features.",
        'percentunit',
        { FeatureExtractionFallbackUsageHigh: '' },
        q.fallbackRatio
      ),
      against(
        'Waiting items',
        'In the fullest instance.',
        'short',
        { FeatureExtractionBatchBacklog: '' },
        q.queueDepth
      ),
      panels.timeseries('Extractions in progress', 'In all instances.', 'short', [
        panels.target(
          'sum by (extractor) (%s)' % q.metric('in_progress', ['extractor=~"$extractor"']),
          'in progress {{extractor}}'
        ),
      ]),
      utilization('cpu', 'CPU'),
      utilization('memory', 'Memory'),
      panels.timeseries('Instances', 'Those that report anything that is watched.', 'short', [
        panels.target(of(q.instances), '{{extractor}}'),
        panels.target('sum (%s)' % q.of('up', ['job=~"%s"' % config.metrics.job]), 'scraped'),
      ]),
      firing('Incidents', 'Correlated alerts, by level and severity.', correlations(config)),
      firing('Monitoring itself', 'Alerts about metrics and their bounds, and planned work.', [
        'FeatureExtractionMetricsAbsent',
        'FeatureExtractionExporterDown',
        'FeatureExtractionThresholdNotBucket',
        'FeaturewatchMaintenance',
      ]),
      firing('Remediation', 'Alerts about the receiver; the watchdog fires while all is well.', [
        'FeaturewatchRemediationFailed',
        'FeaturewatchReceiverDown',
        'Watchdog',
      ]),
    ]),
  }
