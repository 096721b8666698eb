// Is the service all right? Its five sources against their thresholds.
local dashboard = import '../lib/dashboard.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

// judged: by alert, the values that it judges.
function(config, judged)
  local q = promql.new(config);
  local d = dashboard.new(config);
  local firing = (import 'firing.libsonnet')(config);
  local of(series) = '%s{%s}' % [series, std.join(', ', d.chosen)];
  local details = d.details_of('extractor');

  // What the error ratio may be is the budget; a ratio of the whole time, weighed by its traffic.
  local errors = 'FeatureExtractionErrorRateHigh';
  local over_range(metric) = 'sum by (%s) (increase(%s[$__range]))' % [q.by, q.metric(metric, d.chosen)];
  local spent(ratio) = |||
    (
    %s
    )
      / on (%s) group_left ()
    %s
  ||| % [ratio, q.by, q.threshold(errors, d.chosen)];
  local requests = over_range('requests_total');
  // An alert that is off has no threshold, so there is no budget.
  local with_budget(panel) = if config.alerts[errors].enabled then [panel] else [];
  local burn_rate = panels.timeseries(
    'Error budget burn rate',
    'How many times as fast as allowed errors use up the budget: at 1 it lasts exactly, above it does not.',
    'short',
    [
      panels.target(spent(of(judged[errors][0].series(config.alerts[errors].window))), d.whose),
      panels.target('vector(1)', 'threshold'),
    ]
  ) + details;
  local sources = (import 'sources.libsonnet')(config, judged) + with_budget({ place: 70, panel: burn_rate });

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
      source.panel
      for source in std.sort(sources, function(source) source.place)
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
          panels.target('sum (%s)' % q.of('up', [promql.matcher('job', config.metrics.job)]), 'scraped'),
        ]
      ),
      firing.timeline('Alerts', 'When each alert fired, and how far it had escalated.', q.by),
    ]),
  ])
