// What did the automation do, did it help, and why did it do nothing?
local dashboard = import '../lib/dashboard.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

function(config)
  local d = dashboard.new(config);
  local receiver(name, matchers=[]) =
    'featurewatch_receiver_' + name + (if matchers == [] then '' else '{%s}' % std.join(', ', matchers));
  local ended(matchers=[]) = receiver('remediations_total', [d.extractor] + matchers);
  local in_range(expr, by) = 'sum by (%s) (increase(%s[$__range]))' % [by, expr];
  local up = 'up{%s}' % promql.matcher('job', config.metrics.receiver_job);
  local about = std.join('|', [
    'FeaturewatchRemediationFailed',
    'FeaturewatchReceiverDown',
    'FeaturewatchDeliveriesSetAside',
    'FeaturewatchDeliveriesLost',
    'Watchdog',
  ]);
  local state(title, description, name) =
    panels.stat(title, description, 'short', [panels.now('max (%s)' % receiver(name), 'now')]);
  local listed(query) = d.to_console('/remediations?' + query);
  // What of a line of a table is asked of the console.
  local action = 'action=${__data.fields.action:percentencode}';
  // Of those of which one can tell whether they helped, as the console counts.
  local verified = in_range(ended(['outcome=~"effective|ineffective"']), 'action') + ' > 0';

  d.dashboard('remediation', 'Actions, what came of them, and why others did not run.', [
    dashboard.row('Now', [
      state('Kill switch', 'Engaged, nothing is touched any more.', 'kill_switch')
      + panels.colours('green', [[1, 'red']]) + panels.words('released', 'engaged') + d.to_console('/controls'),
      panels.stat('Under way', 'Remediations that are planned, at work or being verified.', 'short', [
        panels.now('sum (max by (state) (%s))' % receiver('open_remediations', ['state!="awaiting_approval"']), 'now'),
      ]) + listed('state=planned&state=running&state=verifying'),
      panels.stat('Waiting for approval', 'Plans that a person must approve or deny.', 'short', [
        panels.now('max (%s)' % receiver('open_remediations', ['state="awaiting_approval"']), 'now'),
      ]) + panels.colours('green', [[1, 'orange']]) + listed('state=awaiting_approval'),
      state('Open leases', 'Changes that will be taken back once all is quiet.', 'open_leases')
      + d.to_console('/controls'),
      panels.stat('Effective', 'Of those that were verified over the time shown.', 'percentunit', [
        panels.now(
          'sum (increase(%s[$__range]))\n/\nsum (%s)' % [ended(['outcome="effective"']), verified],
          'of verified'
        ),
      ]) + panels.upTo(1) + panels.without('none verified') + panels.colours('red', [[0.5, 'orange'], [0.8, 'green']]),
      panels.stat('Receivers', 'That Prometheus can scrape.', 'short', [
        panels.now('sum (%s) or vector(0)' % up, 'up'),
      ])
      + panels.colours('red', [[1, 'green']]),
    ], columns=6, height=4),

    dashboard.row('What was done', [
      d.bars('Actions', 'When they ended, and how.', [
        panels.target(
          'sum by (action, outcome) (increase(%s[$__rate_interval])) > 0' % ended(['outcome!="skipped"']),
          '{{action}} {{outcome}}'
        ),
      ]),
      panels.table(
        'Outcomes',
        'Over the time shown. Skipped ones touched nothing; the guards below say why.',
        ['action', 'extractor', 'outcome'],
        [['times', 'short']],
        [panels.rows(in_range(ended(), 'action, extractor, outcome') + ' > 0')]
      ) + panels.whole + panels.without('No remediation ended.')
      + panels.linked('action', d.in_console(
        '/remediations?%s&state=${__data.fields.outcome:percentencode}&target=${__data.fields.extractor:percentencode}' % action
      )),
      panels.gauges(
        'Effectiveness',
        'How many of the verified ones brought the values of the alert back. One that rarely does should be'
        + ' switched off.',
        'percentunit',
        [panels.now(
          '%s\n/\n(%s)' % [in_range(ended(['outcome="effective"']), 'action'), verified],
          '{{action}}'
        )]
      ) + panels.upTo(1) + panels.without('None was verified.'),
      panels.gauges(
        'Failures',
        'Over the time shown: the target refused, was not there in time, or nobody can tell.',
        'short',
        [panels.now(
          in_range(ended(['outcome=~"failed|timed_out|in_doubt"']), 'action, outcome') + ' > 0',
          '{{action}} {{outcome}}'
        )]
      ) + panels.whole + panels.without('None failed.'),
    ]),

    dashboard.row('Guards', [
      d.bars('Refused', 'Actions on any extractor that did not run, by the guard that held them back.', [
        panels.target(
          'sum by (reason) (increase(%s[$__rate_interval])) > 0' % receiver('remediation_skips_total'),
          '{{reason}}'
        ),
      ]),
      panels.table(
        'Refused by action',
        'Over the time shown, for any extractor, each with its guard.',
        ['action', 'reason'],
        [['times', 'short']],
        [panels.rows(in_range(receiver('remediation_skips_total'), 'action, reason') + ' > 0')]
      ) + panels.whole + panels.without('No guard refused.')
      + panels.linked('action', d.in_console('/remediations?state=skipped&' + action)),
    ]),

    dashboard.row('Time', [
      panels.heatmap(
        'How long actions take',
        'From the begin of work to the end, verification included.',
        's',
        'sum by (le) (rate(%s_bucket[$__rate_interval]))' % receiver('remediation_duration_seconds')
      ),
      panels.gauges(
        'Duration by action',
        'Nine of ten end within, over the time shown; compare with its timeout.',
        's',
        [panels.now(
          'histogram_quantile(0.9, sum by (action, le) (rate(%s_bucket[$__range]))) >= 0'
          % receiver('remediation_duration_seconds'),
          '{{action}}'
        )]
      ) + panels.without('None ended.'),
    ]),

    dashboard.row('Over time', [
      panels.timeseries('Open remediations', 'By state.', 'short', [
        panels.target('max by (state) (%s)' % receiver('open_remediations'), '{{state}}'),
      ]),
      panels.timeseries('Leases', 'Changes that are not taken back yet.', 'short', [
        panels.target('max (%s)' % receiver('open_leases'), 'open'),
      ]),
      panels.timeseries('Alerts', 'About the receiver; the Watchdog fires while all is well.', 'short', [
        panels.target('sum by (alertname) (ALERTS{alertname=~"%s", alertstate="firing"})' % about, '{{alertname}}'),
      ]),
      panels.timeline('Receivers over time', 'Which Prometheus could scrape, and their version.', [
        panels.target('max by (instance) (%s)' % up, '{{instance}}'),
        panels.target('max by (instance, version) (%s)' % receiver('build_info'), '{{instance}} version {{version}}'),
      ]) + panels.colours('red', [[1, 'green']]) + panels.words('down', 'up'),
    ]),
  ])
