// What alerts judge: values. Each has
//   name     that of receiver.yaml,
//   means    what it is, for docs/metrics.md,
//   breach   the side of its threshold on which there is trouble: above or below,
//   format   of Prometheus's templates,
//   traffic  whether it says nothing where there are few requests,
//   matchers of its threshold, where an alert has several,
//   panel    see dashboards/sources.libsonnet,
// and by window the series that it is recorded as and the rules for that; and the query by which
// the receiver looks at it, of the series that match `mine`.
local promql = import 'promql.libsonnet';

// The receiver writes how far it looks back.
local looked_back = '$window';
local usual = { breach: 'above', traffic: false, matchers: [] };

local rate(q, metric, window, matchers=[], by=[]) =
  'sum by (%s) (rate(%s[%s]))' % [std.join(', ', [q.by] + by), q.metric(metric, matchers), window];

{
  // Rules that several values share.
  requests(q, window):: {
    record: q.requests(window),
    expr: 'sum by (%s) (increase(%s[%s]))' % [q.by, q.metric('requests_total'), window],
  },
  rate(q, series, metric, window, by=[]):: { record: series, expr: rate(q, metric, window, [], by) },

  // The 95th percentile of extractions, in seconds.
  p95(config)::
    local q = promql.new(config);
    local series(window) = q.recorded('duration_seconds:p95_' + window);
    local of(rate, mine=[]) = q.orSnapshot('histogram_quantile(0.95, %s)' % rate, 'max', 'p95_seconds', mine);
    usual {
      name: 'p95_seconds',
      means: '95th percentile of the duration, in seconds',
      format: 'humanizeDuration',
      traffic: true,
      panel: { title: 'Latency, 95th percentile', description: 'Too slow above the lines.', unit: 's', place: 10 },
      series(window):: series(window),
      records(window):: [
        $.rate(q, q.bucketRate(window), 'duration_seconds_bucket', window, ['le']),
        {
          record: series(window),
          expr: '# Exact at a bucket bound, and every threshold is one.\n' + of(q.bucketRate(window)),
        },
      ],
      query(mine):: of(rate(q, 'duration_seconds_bucket', looked_back, mine, ['le']), mine),
    },

  // What share of all has this. parts: name, means, panel; record, what is counted, for the name of the
  // series; part, its counter, and the matchers of that; and where it is not as usual: whole, the
  // counter of all; breach; snapshot, the gauge that stands in where nothing is counted.
  share(config, parts)::
    local q = promql.new(config);
    local whole = std.get(parts, 'whole', 'requests_total');
    local of_part = std.get(parts, 'of_part', []);
    local series(window) = q.recorded('%s:ratio_rate%s' % [parts.record, window]);
    usual { format: 'humanizePercentage', traffic: true } + parts {
      local worst = if self.breach == 'above' then 'max' else 'min',
      local of(part, whole, mine=[]) =
        q.orSnapshot(q.share(part, whole), worst, std.get(parts, 'snapshot'), mine),
      series(window):: series(window),
      recording(window, part, whole):: { record: series(window), expr: of(part, whole) },
      records(window):: [
        $.rate(q, q.requestRate(window), whole, window),
        self.recording(window, rate(q, parts.part, window, of_part), q.requestRate(window)),
      ],
      query(mine)::
        of(rate(q, parts.part, looked_back, mine + of_part), rate(q, whole, looked_back, mine), mine),
    },

  // The mean of a gauge in its worst instance. parts: name, means,
  // metric, format, panel.
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
