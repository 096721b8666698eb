// OpenTelemetry's instruments (docs/otel.md) under the contract's names, where their way to
// Prometheus left them others: with dots, or without unit and kind. What arrives under its name in
// the contract needs no rule.
local duration = import '../lib/duration.libsonnet';
local promql = import '../lib/promql.libsonnet';

// Without a part it is native.
local histogram = ['', '_bucket', '_sum', '_count'];
// Each instrument, and the unit and kind that the contract's name ends with.
local instruments = {
  duration: { suffix: '_seconds', parts: histogram },
  requests: { suffix: '_total' },
  errors: { suffix: '_total' },
  cache_lookups: { suffix: '_total' },
  fallbacks: { suffix: '_total' },
  in_progress: {},
  batch_size: { parts: histogram },
  batch_duration: { suffix: '_seconds', parts: histogram },
  queue_depth: {},
  cpu_utilization: { suffix: '_ratio' },
  memory_utilization: { suffix: '_ratio' },
  gpu_utilization: { suffix: '_ratio' },
  gpu_memory_utilization: { suffix: '_ratio' },
};

function(config)
  local q = promql.new(config);
  // Prometheus finds what is no longer pushed for 5 minutes, and its copy would be of this moment.
  local fresh(name) =
    local series = q.of('', ['__name__="%s"' % name]);
    '%s and timestamp(%s) >= time() - %d' % [series, series, duration.seconds(config.responses.metrics_max_age)];
  local copy(name, suffix, part) =
    local contract = 'feature_extraction_' + name + suffix + part;
    {
      record: contract,
      expr: |||
        # OpenTelemetry's %(name)s as it is named without suffixes, without escapes, or neither.
        %(series)s
      ||| % {
        name: 'feature_extraction.' + name,
        series: std.join('\nor\n', [
          fresh(other)
          // One name is another's where the contract's has no suffix.
          for other in std.set([
            'feature_extraction_' + name + part,
            'feature_extraction.' + name + suffix + part,
            'feature_extraction.' + name + part,
          ])
          if other != contract
        ]),
      },
    };
  if config.metrics.source != 'otel' then []
  else [
    copy(name, std.get(instruments[name], 'suffix', ''), part)
    for name in std.objectFields(instruments)
    for part in std.get(instruments[name], 'parts', [''])
  ]
