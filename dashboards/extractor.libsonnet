// Why is it so? One extractor in detail, by instance.
local dashboard = import '../lib/dashboard.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local d = dashboard.new(config);
  local chosen = d.chosen + ['instance=~"$instance"'];
  local metric(name) = q.metric(name, chosen);
  local rate(name, by) = 'sum by (%s) (rate(%s[$__rate_interval]))' % [by, metric(name)];
  local per_instance = 'instance, ' + q.by;
  local whose = d.whose + ' {{instance}}';
  local of_gpu = whose + ' GPU {{gpu}}';
  // Divides what happened by what might have; without any of it there is nothing to say.
  local part(name, matcher, whole, by=per_instance) = 'sum by (%s) (rate(%s[$__rate_interval]))\n/\n(%s > 0)' % [
    by,
    q.metric(name, chosen + matcher),
    rate(whole, by),
  ];
  local mean(histogram) = '%s\n/\n(%s > 0)' % [
    rate(histogram + '_sum', per_instance),
    rate(histogram + '_count', per_instance),
  ];
  local quantile(share, histogram, by) =
    'histogram_quantile(%s, %s)' % [share, rate(histogram + '_bucket', 'le, ' + by)];
  local gauge(title, description, unit, name, legend=whose) =
    panels.timeseries(title, description, unit, [panels.target(metric(name), legend)]);
  local happened(name, label, legend) =
    panels.target('sum by (%s) (increase(%s[$__rate_interval]))' % [label, metric(name)], legend);
  local events(title, description, name, label) =
    d.bars(title, description, [happened(name, label, '{{%s}}' % label)]);

  d.dashboard(
    'extractor',
    'One extractor or several in detail, by instance.',
    [
      dashboard.row('Latency', [
        panels.heatmap(
          'How long extractions took',
          'Extractions per second in each bucket. A second band above the first is often the cache that misses.',
          's',
          rate('duration_seconds_bucket', 'le')
        ),
        panels.timeseries('Percentiles', 'Of all chosen instances together; exact at bucket bounds alone.', 's', [
          panels.target(quantile(share, 'duration_seconds', q.by), 'p%s %s' % [share[2:], d.whose])
          for share in ['0.50', '0.95', '0.99']
        ]),
        panels.timeseries('95th percentile by instance', 'One instance that differs has a trouble of its own.', 's', [
          panels.target(quantile('0.95', 'duration_seconds', per_instance), whose),
        ]),
        panels.timeseries('Mean by instance', 'Of extractions that ended, failed ones included.', 's', [
          panels.target(mean('duration_seconds'), whose),
        ]),
      ]),

      dashboard.row('Requests, errors, fallbacks', [
        panels.timeseries('Request rate by instance', 'Uneven lines: the load is not balanced.', 'reqps', [
          panels.target(rate('requests_total', per_instance), whose),
        ]),
        gauge('In progress by instance', 'A line that only rises is work that hangs.', 'short', 'in_progress'),
        events('Errors by type', 'Exceptions by their class.', 'errors_total', 'error_type'),
        events('Fallbacks by reason', "Answers without the model's features.", 'fallbacks_total', 'reason'),
      ]),

      dashboard.row('How sure the alerts are', [
        panels.timeseries('Bad events', 'What each alert counts over each of its windows.', 'short', [
          panels.target('featurewatch:bad_events{%s}' % std.join(', ', d.chosen), '{{alert}} {{window}}'),
        ]),
        panels.timeseries('Bad share, at least', 'As sure as `confidence` of the alert says.', 'percentunit', [
          panels.target('featurewatch:lower_bound{%s}' % std.join(', ', d.chosen), '{{alert}} {{window}}'),
        ]) + panels.upTo(1),
      ]),
      dashboard.row('Cache', [
        panels.timeseries('Hit ratio by instance', 'Low in one instance only: its cache is cold.', 'percentunit', [
          panels.target(part('cache_lookups_total', ['result="hit"'], 'cache_lookups_total'), whose),
        ]) + panels.upTo(1),
        panels.timeseries('Lookups', 'Per second, by result.', 'ops', [
          panels.target(rate('cache_lookups_total', 'result'), '{{result}}'),
        ]),
      ]),

      dashboard.row('Batches and queues', [
        panels.heatmap(
          'Batch sizes',
          'Batches per second by how many items they hold.',
          'short',
          rate('batch_size_bucket', 'le')
        ),
        panels.timeseries('Batch duration', 'How long a batch keeps its items.', 's', [
          panels.target(quantile('0.95', 'batch_duration_seconds', q.by), 'p95 ' + d.whose),
          panels.target(quantile('0.50', 'batch_duration_seconds', q.by), 'p50 ' + d.whose),
        ]),
        panels.timeseries('Items in a batch', 'The mean: small ones waste the model.', 'short', [
          panels.target(mean('batch_size'), whose),
        ]),
        gauge('Waiting items by instance', 'Work that arrives faster than it is done.', 'short', 'queue_depth'),
      ]),

      dashboard.row('Container', [
        gauge('CPU by instance', "Of the container's limit.", 'percentunit', 'cpu_utilization_ratio')
        + panels.around(1),
        gauge(
          'Memory by instance',
          "Of the container's limit; at 1 the kernel kills.",
          'percentunit',
          'memory_utilization_ratio'
        ) + panels.upTo(1),
        panels.timeseries(
          'Throttled periods',
          'Share of the periods in which the CPU limit made it wait: slowness that CPU does not show.',
          'percentunit',
          [panels.target(part('cpu_throttled_periods_total', [], 'cpu_periods_total'), whose)]
        ) + panels.upTo(1),
        panels.timeseries('Throttled time', 'CPU seconds per second, that is CPUs, that the limit cost.', 'short', [
          panels.target(rate('cpu_throttled_seconds_total', per_instance), whose),
        ]),
        events(
          'OOM kills',
          'Processes of the container that the kernel killed.',
          'oom_kills_total',
          'instance'
        ),
      ]),

      dashboard.row('GPUs', [
        gauge('GPU', 'Time in which the GPU ran anything.', 'percentunit', 'gpu_utilization_ratio', of_gpu)
        + panels.upTo(1),
        gauge('GPU memory', 'Of what the GPU has.', 'percentunit', 'gpu_memory_utilization_ratio', of_gpu)
        + panels.upTo(1),
      ]),

      dashboard.row('Snapshots', [
        gauge(
          '95th percentile as the service reports it',
          'Stands in where durations are not counted.',
          's',
          'snapshot_p95_seconds'
        ),
        panels.timeseries('Ratios as the service reports them', 'Stand in where nothing is counted.', 'percentunit', [
          panels.target(metric('snapshot_cache_hit_ratio'), 'cache hits ' + whose),
          panels.target(metric('snapshot_error_ratio'), 'errors ' + whose),
          panels.target(metric('snapshot_fallback_ratio'), 'fallbacks ' + whose),
        ]) + panels.upTo(1),
      ]),

      dashboard.row('The measurement itself', [
        panels.timeline('Sources', 'Whether featurewatch-exporter can read each source.', [
          panels.target(metric('source_up'), d.whose + ' {{source}}'),
        ]) + panels.colours('red', [[1, 'green']]) + panels.words('unreadable', 'readable'),
        panels.timeseries('Age of the last sample', 'Of each source; a line that rises is one that fell silent.', 's', [
          panels.target('time() - ' + metric('source_last_sample_timestamp_seconds'), d.whose + ' {{source}}'),
        ]),
        d.bars('Unusable', 'Input of sources, figures of a monitor, files of workers, and label values beyond the limit.', [
          happened('source_failures_total', 'source', 'source {{source}}'),
          happened('source_dropped_total', 'source', 'dropped {{source}}'),
          happened('monitor_failures_total', 'field', 'monitor {{field}}'),
          happened('label_values_dropped_total', 'label', 'label {{label}}'),
          panels.target(metric('unreadable_files'), d.whose + ' files'),
        ]),
        panels.table(
          'Versions',
          'Which version of the library runs where.',
          d.labels + ['instance', 'version'],
          [['processes', 'none']],
          [panels.rows('sum by (%s, instance, version) (%s)' % [q.by, metric('info')])]
        ),
      ]),
    ],
    variables=[d.variable('instance', q.watched(d.chosen))],
  )
