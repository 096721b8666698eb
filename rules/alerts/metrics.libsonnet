// Whether there is anything to judge by: metrics that arrive, and bounds that fit the thresholds.
local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local duration = import '../../lib/duration.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local settings = config.alerts;
  {
    FeatureExtractionMetricsAbsent:
      local name = 'FeatureExtractionMetricsAbsent';
      alert.new(config, name, {
        summary: 'No metrics of {{ with $labels.extractor }}{{ . }}{{ else }}any feature extractor{{ end }}',
        expr: |||
          # Measured within %(window)s, and no more.
          %(last_seen)s > time() - %(seconds)d
            unless on (%(by)s)
          %(instances)s
          or
          # None was measured, as far as is known: the service or its scrape job is missing.
          absent(%(instances)s)
            unless on ()
          %(last_seen)s > time() - %(seconds)d
        ||| % {
          by: q.by,
          instances: q.instances,
          last_seen: q.lastSeen,
          window: settings[name].window,
          seconds: duration.seconds(settings[name].window),
        },
        values: {
          extractor: '{{ with $labels.extractor }}{{ . }}{{ else }}(any){{ end }}',
          value: '{{ with $labels.extractor }}last seen %s{{ else }}none{{ end }}'
                 % annotations.time(q, '%s{%s}' % [q.lastSeen, std.join(', ', q.same)]),
          threshold: 'metrics at every scrape',
        },
      }),

    FeatureExtractionExporterDown:
      alert.new(config, 'FeatureExtractionExporterDown', {
        identity: ['job', 'instance'],
        summary: '{{ $labels.instance }} can not be scraped',
        expr: 'max by (job, instance) (%s) == 0' % q.of('up', ['job=~"%s"' % config.metrics.job]),
        values: { value: 'down', threshold: 'up' },
      }),

    FeatureExtractionThresholdNotBucket:
      local latency = ['FeatureExtractionLatencyCritical', 'FeatureExtractionLatencyHigh'];
      local buckets = q.bucketRate(settings.FeatureExtractionLatencyCritical.window);
      alert.new(config, 'FeatureExtractionThresholdNotBucket', {
        identity: config.metrics.identity + ['alert', 'le'],
        summary: 'A latency threshold of {{ $labels.extractor }} is no bucket bound',
        expr: |||
          # Thresholds of the extractors that have a histogram, as text.
          count_values by (alert, %(by)s) ("le", featurewatch:threshold{alert=~"%(alerts)s"})
            * on (%(by)s) group_left ()
          group by (%(by)s) (%(all)s)
            unless on (%(by)s, le)
          %(buckets)s
            unless on (%(by)s, le)
          # The bound "1.0" is the threshold 1.
          label_replace(%(buckets)s{le=~".+[.]0"}, "le", "$1", "le", "(.+)[.]0")
        ||| % {
          by: q.by,
          alerts: std.join('|', latency),
          all: buckets + '{le="+Inf"}',
          buckets: buckets,
        },
        values: { value: '{{ $labels.le }} s', threshold: 'a bound of the histogram' },
      }),
  }
