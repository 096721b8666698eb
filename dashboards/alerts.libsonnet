// What fires, how far has it escalated, how soon do people react, and how much of it is noise?
local correlations = import '../lib/correlations.libsonnet';
local storms = import '../lib/storms.libsonnet';
local dashboard = import '../lib/dashboard.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

// identities: the labels by which alerts are told apart, those of any of them.
function(config, identities)
  local d = dashboard.new(config);
  local by = std.join(', ', identities);
  local firing = (import 'firing.libsonnet')(config);
  local of_alerts(title, description, alerts) =
    if alerts == [] then []
    else [panels.timeseries(title, description, 'short', [
      panels.target(
        'sum by (alertname) (%s)' % firing.alerts([promql.oneOf('alertname', alerts)]),
        '{{alertname}}'
      ),
    ])];
  // Of a line of a table.
  local field(label) = '${__data.fields.%s:percentencode}' % label;
  local named = field('alertname');
  local of_extractor = field('extractor');

  // Levels that page, by policy.
  local paging = {
    [policy]: levels
    for policy in std.objectFields(config.escalation.policies)
    for levels in [[
      level.level
      for level in escalation.all(config, policy)
      if config.channels.pagerduty.enabled && std.member(level.channels, 'pagerduty')
    ]]
    if levels != []
  };
  // each: the alerts that are counted, as lists of matchers.
  local weekly(labels, each) = |||
    sum by (%s) (
      # Beginnings: what fires, and did not a minute before.
      sum_over_time((
        %s
      )[1w:1m])
    )
  ||| % [labels, std.join('\n    or\n    ', [
    '%s unless %s offset 1m' % [firing.alerts(matchers), firing.alerts(matchers)]
    for matchers in each
  ])];
  local per_week(title, description, each) = panels.gauges(title, description, 'short', [
    panels.now('sort_desc(%s)' % weekly('alertname', each), '{{alertname}}'),
  ]) + panels.whole + panels.without('None in this week.');

  local receiver(name) = 'featurewatch_receiver_' + name;
  local happened(name, labels, legend) = panels.target(
    'sum %s(increase(%s[$__rate_interval]))' % [if labels == '' then '' else 'by (%s) ' % labels, receiver(name)],
    legend
  );
  local mean(name) = |||
    sum by (severity) (increase(%(name)s_sum[$__range]))
    /
    (sum by (severity) (increase(%(name)s_count[$__range])) > 0)
  ||| % { name: receiver(name) };
  local slowest(name) = 'histogram_quantile(0.9, sum by (le) (rate(%s_bucket[$__range]))) >= 0' % receiver(name);
  local by_severity(title, description, name) = panels.gauges(title, description, 's', [
    panels.now(mean(name), '{{severity}}'),
    panels.now(slowest(name), '9 of 10 within'),
  ]) + panels.without('No episode yet.');
  local sent(name) = 'sum by (integration) (increase(alertmanager_%s[$__rate_interval]))' % name;
  local if_scraped = ' Only where Prometheus scrapes Alertmanager as well.';

  d.dashboard('alerts', 'Alerts, their escalation, the time that people take, and noise.', [
    dashboard.row('Now', [
      firing.by_severity('Firing', 'Alerts that fire, by severity.'),
      panels.stat('Highest level', 'How far the furthest of them has escalated.', 'short', [
        panels.now('max (%s) or vector(0)' % firing.level('alertname, ' + by), 'level'),
      ]) + firing.by_level,
      panels.stat('Open episodes', 'Alerts as the receiver sees them, each with all of its levels.', 'short', [
        panels.now('max (%s)' % receiver('open_episodes'), 'open'),
      ]) + d.to_console('/'),
      panels.stat(
        'Watchdog',
        'How long ago it last arrived at the receiver: proof that the chain from Prometheus to it works.',
        's',
        [panels.now('time() - max (%s > 0)' % receiver('watchdog_timestamp_seconds'), 'ago')]
      ),
    ], columns=4, height=4),

    dashboard.row('What fires', [
      panels.table(
        'Firing alerts',
        'Each with the level that it has reached and when it began; the name leads to its runbook and to the console.',
        ['alertname', 'severity'] + identities,
        [['level', 'none'], ['since', 'dateTimeFromNow']],
        [
          panels.rows(firing.level('alertname, severity, ' + by)),
          panels.rows(|||
            1000 * max by (alertname, %(by)s) (featurewatch:alert_start_timestamp_seconds)
              * on (alertname, %(by)s) group_right ()
            group by (alertname, severity, %(by)s) (%(first)s)
          ||| % { by: by, first: firing.each }),
        ]
      )
      + panels.linked('alertname', [['Runbook', config.links.runbook + named]]
                                   + d.in_console('/alerts?alertname=%s&extractor=%s' % [named, of_extractor]))
      + panels.without('Nothing fires.'),
    ], columns=1),
    dashboard.row('Escalation', [
      firing.timeline('Levels', 'When each alert fired, and the level that it had reached.', by),
      panels.timeseries('Alerts at each level', 'A level fires as long as its alert does.', 'short', [
        panels.target(
          'count by (escalation_level) (%s)' % firing.alerts(['escalation_level!=""']),
          'level {{escalation_level}}'
        ),
      ]),
    ] + of_alerts(
      'Incidents and storms',
      'Correlated alerts, and those of many extractors at once, by level and severity.',
      correlations(config) + [storms.name]
    ) + of_alerts(
      'Monitoring itself',
      'Alerts about metrics, their bounds and traffic, and planned work.',
      [
        'FeatureExtractionMetricsAbsent',
        'FeatureExtractionExporterDown',
        'FeatureExtractionLatencyUnknown',
        'FeatureExtractionTrafficStopped',
        'FeatureExtractionUnusual',
        'FeatureExtractionThresholdNotBucket',
        'FeaturewatchMaintenance',
      ]
    )),

    dashboard.row('How soon people react', [
      by_severity(
        'Time to acknowledge',
        'Mean from the begin of an episode until somebody first took it, over the time shown.',
        'time_to_acknowledge_seconds'
      ),
      by_severity(
        'Time to resolve',
        'Mean from the begin of an episode to its end, over the time shown.',
        'time_to_resolve_seconds'
      ),
      d.bars('Episodes that ended', 'By severity.', [
        happened('time_to_resolve_seconds_count', 'severity', '{{severity}}'),
      ]),
      d.bars('Acknowledged', 'By severity. The rest ended by themselves or were fixed.', [
        happened('time_to_acknowledge_seconds_count', 'severity', '{{severity}}'),
      ]),
    ], columns=4),

    dashboard.row('Noise, over the week before the end of the time shown', [
      per_week(
        'Alerts per week',
        'How often each alert began and lasted for a minute. One that often comes and ends by itself wants'
        + ' a longer cooldown or another threshold.',
        [['escalation_level="1"']]
      ),
    ] + (
      if paging == {} then []
      else [per_week(
        'Pages a week',
        'How often a level began that reaches PagerDuty. Those that were silenced, muted or acknowledged'
        + ' before are counted, too.',
        [
          ['escalation_policy="%s"' % policy, promql.oneOf('escalation_level', paging[policy])]
          for policy in std.objectFields(paging)
        ]
      )]
    ) + [
      panels.gauges('Levels a week', 'How often each level began: few should come beyond the first.', 'short', [
        panels.now(weekly('escalation_level', [['escalation_level!=""']]), 'level {{escalation_level}}'),
      ]) + panels.whole + panels.without('None in this week.'),
    ], columns=3),

    dashboard.row('The way to the receiver', [
      d.bars('Deliveries', 'From Alertmanager, by what became of them.', [
        happened('deliveries_total', 'result', '{{result}}'),
      ]),
      d.bars('Alerts taken in', 'By status. Left out: Alertmanager cut a delivery that was too long.', [
        happened('alerts_total', 'status', '{{status}}'),
        happened('truncated_alerts_total', '', 'left out'),
      ]),
      panels.timeseries('Inbox', 'Deliveries that are not applied yet, and those that could not be.', 'short', [
        panels.target('max (%s)' % receiver('inbox_deliveries'), 'waiting'),
        panels.target('max (%s)' % receiver('inbox_set_aside_deliveries'), 'set aside'),
      ]),
      d.bars('Repaired', 'Differences to Alertmanager and Prometheus that the receiver found and fixed.', [
        happened('reconciled_total', 'difference', '{{difference}}'),
      ]),
      d.bars('Failures', 'What a server did not answer or allow, and how a missing Watchdog was not told.', [
        happened('reconcile_failures_total', 'server', 'look at {{server}}'),
        happened('sweep_failures_total', '', 'acknowledgements'),
        happened('duty_failures_total', 'duty', 'duty: {{duty}}'),
        happened('watchdog_tell_failures_total', 'path', 'Watchdog by {{path}}'),
      ]),
      panels.timeseries(
        'Delays',
        'How long the oldest delivery has waited, and how long ago history was compared with both servers.',
        's',
        [
          panels.target('max (%s)' % receiver('inbox_oldest_delivery_age_seconds'), 'inbox'),
          panels.target('time() - max (%s > 0)' % receiver('reconciled_timestamp_seconds'), 'comparison'),
        ]
      ),
    ], columns=3),

    dashboard.row('Delivery of notifications', [
      d.bars('Notifications', 'That Alertmanager sent, by integration, also for others.' + if_scraped, [
        panels.target(sent('notifications_total') + ' > 0', '{{integration}}'),
      ]),
      d.bars('Notifications that failed', 'At the last attempt: people were not told.' + if_scraped, [
        panels.target(sent('notifications_failed_total'), '{{integration}}'),
      ]),
      panels.timeseries('Silences', 'Active ones; an acknowledgement is one as well.' + if_scraped, 'short', [
        panels.target('max (alertmanager_silences{state="active"})', 'active'),
      ]),
    ], columns=3),
  ])
