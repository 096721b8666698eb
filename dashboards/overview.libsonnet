// Is the service all right? Its five sources against their thresholds.
local dashboard = import '../lib/dashboard.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local d = dashboard.new(config);
  local firing = (import 'firing.libsonnet')(config);
  local of(series, matchers=[]) = '%s{%s}' % [series, std.join(', ', d.chosen + matchers)];
  local threshold(alert, matchers=[]) = q.threshold(alert, d.chosen + matchers);
  local details = d.details_of('extractor');

  // One value against the thresholds of the alerts that watch it, in each of their windows.
  local against(title, description, unit, alerts, record, matchers=[]) =
    local names = [name for name in std.objectFields(alerts) if config.alerts[name].enabled];
    local windows = std.set([config.alerts[name].window for name in std.objectFields(alerts)]);
    panels.timeseries(title, description, unit, [
      panels.target(of(record(window)), d.whose + ' ' + window)
      for window in windows
    ] + [
      panels.target(threshold(name, matchers), 'threshold %s%s' % [alerts[name], d.whose])
      for name in names
    ]) + details;
  local utilization(resource, title) = against(
    title,
    "Of the container's limit, in the worst instance.",
    'percentunit',
    { FeatureExtractionResourcesCritical: '' },
    function(window) q.utilization(resource, window),
    ['resource="%s"' % resource]
  ) + panels.around(1);

  // What the error ratio may be is the budget; a ratio of the whole time, weighed by its traffic.
  local errors = 'FeatureExtractionErrorRateHigh';
  local over_range(metric) = 'sum by (%s) (increase(%s[$__range]))' % [q.by, q.metric(metric, d.chosen)];
  local spent(ratio) = |||
    (
    %s
    )
      / on (%s) group_left ()
    %s
  ||| % [ratio, q.by, threshold(errors)];
  local requests = over_range('requests_total');
  // An alert that is off has no threshold, so there is no budget.
  local with_budget(panel) = if config.alerts[errors].enabled then [panel] else [];

  d.dashboard('overview', 'Latency, cache, errors, fallbacks and resources of feature extraction.', [
    dashboard.row('Now', [
      firing.by_severity('Firing alerts', 'Alerts that fire now, by severity; a click lists them.')
      + panels.link('Alerts', dashboard.path('alerts') + '?${__all_variables}&${__url_time_range}'),
    ] + with_budget(
      panels.stat(
        'Error budget left',
        'Of the errors that the threshold allows over the time shown: below 0 more than that. A service'
        + ' that only has snapshots has no budget, since they do not count.',
        'percentunit',
        [panels.now('1 -\n' + spent(q.share(over_range('errors_total'), '(%s > 0)' % requests)), d.whose)]
      ) + panels.colours('red', [[0, 'orange'], [0.25, 'green']]) + details
    ) + [
      panels.stat('Requests', 'Extractions over the time shown.', 'short', [
        panels.now(requests, d.whose),
      ]) + details,
      panels.stat('Instances', 'Those that report anything that is watched; 0 when all of them fell silent.', 'short', [
        panels.now('%s\nor\n0 * %s' % [of(q.instances), of(q.lastSeen)], d.whose),
      ]) + panels.colours('red', [[1, 'green']]) + details,
    ], columns=4, height=4),

    dashboard.row('The sources against their thresholds', [
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
      ) + panels.upTo(1),
      utilization('cpu', 'CPU'),
      utilization('memory', 'Memory'),
      against(
        'Error ratio',
        'Extractions that raised an exception, of all.',
        'percentunit',
        { [errors]: '' },
        q.errorRatio
      ),
      against(
        'Fallback ratio',
        "Answers without the model's features, of all.",
        'percentunit',
        { FeatureExtractionFallbackUsageHigh: '' },
        q.fallbackRatio
      ),
    ] + with_budget(
      panels.timeseries(
        'Error budget burn rate',
        'How many times as fast as allowed errors use up the budget: at 1 it lasts exactly, above it does not.',
        'short',
        [
          panels.target(spent(of(q.errorRatio(config.alerts[errors].window))), d.whose),
          panels.target('vector(1)', 'threshold'),
        ]
      ) + details
    ) + [
      against(
        'Waiting items',
        'In the fullest instance.',
        'short',
        { FeatureExtractionBatchBacklog: '' },
        q.queueDepth
      ),
    ]),

    dashboard.row('Load', [
      panels.timeseries('Request rate', 'Extractions per second that ended.', 'reqps', [
        panels.target(
          'sum by (%s) (rate(%s[$__rate_interval]))' % [q.by, q.metric('requests_total', d.chosen)],
          d.whose
        ),
      ]) + details,
      panels.timeseries('Extractions in progress', 'In all instances.', 'short', [
        panels.target(
          'sum by (%s) (%s)' % [q.by, q.metric('in_progress', d.chosen)],
          d.whose
        ),
      ]) + details,
      panels.timeseries(
        'Instances over time',
        'Those that report anything that is watched, and those that Prometheus can scrape.',
        'short',
        [
          panels.target(of(q.instances), d.whose),
          panels.target('sum (%s)' % q.of('up', ['job=~"%s"' % config.metrics.job]), 'scraped'),
        ]
      ),
      firing.timeline('Alerts', 'When each alert fired, and how far it had escalated.', q.by),
    ]),
  ])
