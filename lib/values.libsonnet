// What alerts judge: values. Each has
//   name     that of receiver.yaml,
//   means    what it is, for docs/metrics.md,
//   breach   the side of its threshold on which there is trouble: above or below,
//   format   of Prometheus's templates,
//   traffic  whether it says nothing where there are few requests,
//   matchers of its threshold, where an alert has several,
//   panel    see dashboards/sources.libsonnet,
// and by window the series that it is recorded as and the rules for that; and the query by which
// the receiver looks at it, of the series that match `mine`. With traffic also
//   bad      what some of the events did, as in `3 of 5 requests failed`,
// and by window the rules that count, how many events there were and how many bad ones, beyond the
// threshold of an alert if each has a value of its own; and the comparison of a share of bad ones with
// what an alert allows.
local confidence = import 'confidence.libsonnet';
local number = import 'number.libsonnet';
local promql = import 'promql.libsonnet';
local slower = import 'slower.libsonnet';

// The receiver writes how far it looks back.
local looked_back = '$window';
local usual = { breach: 'above', traffic: false, matchers: [], counts(settings):: {} };

local rate(q, metric, window, matchers=[], by=[]) =
  'sum by (%s) (rate(%s[%s]))' % [std.join(', ', [q.by] + by), q.metric(metric, matchers), window];

// How often it happened. A counter may be born with its first events: they count where the same
// process was there a window ago, so that neither a new process nor a gap looks like many.
local events(q, metric, window, matchers=[]) = |||
  sum by (%(by)s) (
    # Born within the window, in a process that is older.
    (
      max_over_time(%(series)s[%(window)s])
        unless
      %(series)s offset %(window)s
        and on (%(by)s, job, instance)
      %(requests)s offset %(window)s
    )
    or
    increase(%(series)s[%(window)s])
  )
||| % {
  by: q.by,
  series: q.metric(metric, matchers),
  requests: q.metric('requests_total'),
  window: window,
};

{
  rate(q, series, metric, window, by=[], matchers=[])::
    { record: series, expr: rate(q, metric, window, matchers, by) },

  // Of an alert and of the extractors that differ, as texts, which are equal only if the numbers are.
  thresholds(settings):: std.set(number.texts([settings.threshold] + [
    override.threshold
    for override in std.objectValues(settings.overrides)
    if std.get(override, 'threshold') != null
  ])),

  // The 95th percentile of extractions, in seconds. Of a classic histogram, else of a native one
  // (which vmalert does not know).
  p95(config)::
    local q = promql.new(config);
    local series(window) = q.recorded('duration_seconds:p95_' + window);
    local or_native(classic, native) =
      if config.rules.engine == 'vmalert' then classic else classic + '\nor\n' + native;
    local whole(window, mine=[]) = rate(q, 'duration_seconds', window, mine);
    local of(rate, window, mine=[]) =
      local p95(rate) = 'histogram_quantile(0.95, %s)' % rate;
      q.orSnapshot(or_native(p95(rate), p95(whole(window, mine))), 'max', 'p95_seconds', mine);
    usual {
      name: 'p95_seconds',
      means: '95th percentile of the duration, in seconds',
      format: 'humanizeDuration',
      traffic: true,
      bad: 'requests took longer',
      // That more than a twentieth is slower than a threshold says the same as p95 beyond it.
      against(operator, name):: operator + ' 0.05',
      all_of(window):: or_native(slower.all(q, window), slower.all_native(window, whole(window))),
      bad_of(window, name):: or_native(slower.classic(q, window, name), slower.native(
        q, window, whole(window), name, $.thresholds(config.alerts[name])
      )),
      // No more buckets than thresholds ask for.
      counting(window, thresholds)::
        local written = std.flatMap(function(bound) [bound, bound + '.0'], std.set(thresholds)) + ['+Inf'];
        [$.rate(q, q.bucketRate(window), 'duration_seconds_bucket', window, ['le'], [promql.matcher('le', promql.regex(written))])],
      panel: { title: 'Latency, 95th percentile', description: 'Too slow above the lines.', unit: 's', place: 10 },
      series(window):: series(window),
      records(window):: [
        $.rate(q, q.bucketRate(window), 'duration_seconds_bucket', window, ['le']),
        {
          record: series(window),
          expr: '# Exact at a bucket bound, and every threshold is one.\n' + of(q.bucketRate(window), window),
        },
      ],
      query(mine):: of(rate(q, 'duration_seconds_bucket', looked_back, mine, ['le']), looked_back, mine),
    },

  // What share of all has this. parts: name, means, panel; record, what is counted, for the name of the
  // series; part, its counter, and of_part, matchers of that; bad; and where it is not as usual:
  // whole, the counter of all; breach; snapshot, the gauge that stands in where nothing is counted.
  share(config, parts)::
    local q = promql.new(config);
    local whole = std.get(parts, 'whole', 'requests_total');
    local of_part = std.get(parts, 'of_part', []);
    local counted(window) = q.recorded('%s:increase%s' % [parts.record, window]);
    local all(window) = q.recorded('%s:increase%s' % [std.strReplace(whole, '_total', ''), window]);
    local series(window) = q.recorded('%s:ratio_rate%s' % [parts.record, window]);
    usual { format: 'humanizePercentage', traffic: true } + parts {
      local worst = if self.breach == 'above' then 'max' else 'min',
      local of(part, whole, mine=[]) =
        q.orSnapshot(q.share(part, whole), worst, std.get(parts, 'snapshot'), mine),
      series(window):: series(window),
      records(window):: self.counting(window, []) + [
        { record: series(window), expr: of(counted(window), all(window)) },
      ],
      counts(settings):: {
        [pair[0](window)]: pair[1]
        for window in std.set([settings.window, confidence.last(config, settings)])
        for pair in [[all, 'how many there were in all'], [counted, 'how many: ' + parts.means]]
      },
      counting(window, thresholds):: [
        {
          record: all(window),
          expr: 'sum by (%s) (increase(%s[%s]))' % [q.by, q.metric(whole), window],
        },
        { record: counted(window), expr: events(q, parts.part, window, of_part) },
      ],
      all_of(window):: all(window),
      local happened(window) = '(%s or 0 * %s)' % [counted(window), all(window)],
      bad_of(window, name)::
        if self.breach == 'above' then happened(window)
        else 'clamp_min(%s - %s, 0)' % [all(window), happened(window)],
      against(operator, name)::
        '%s on (%s) %s%s' % [operator, q.by, if self.breach == 'above' then '' else '1 - ', q.threshold(name)],
      query(mine)::
        of(rate(q, parts.part, looked_back, mine + of_part), rate(q, whole, looked_back, mine), mine),
    },

  // The mean of a gauge in its worst instance. parts: name, means, metric, format, panel.
  gauge(config, parts)::
    local q = promql.new(config);
    local series(window) = q.recorded('%s:max_avg%s' % [parts.metric, window]);
    local mean(window, mine=[]) =
      'max by (%s) (avg_over_time(%s[%s]))' % [q.by, q.metric(parts.metric, mine), window];
    usual + parts {
      series(window):: series(window),
      records(window):: [{
        record: series(window),
        expr: |||
          # The worst instance: a mean over instances hides the one that is about to fall over.
          round(%s, 1e-10)
        ||| % mean(window),
      }],
      query(mine):: mean(looked_back, mine),
    },
}
