// How many requests of a window took longer than an alert's threshold.
local duration = import 'duration.libsonnet';
local text = import 'text.libsonnet';

// Each further one is a branch of its own. Extractors beyond those are judged by their p95 alone.
local most = 20;

{
  local this = self,

  // How many there were, slow or not.
  all(q, window):: '%d * sum by (%s) (%s{le="+Inf"})' % [duration.seconds(window), q.by, q.bucketRate(window)],
  all_native(window, histogram):: '%d * histogram_count(%s)' % [duration.seconds(window), histogram],

  // All but those within the bucket of the threshold.
  classic(q, window, name):: text.chomped(|||
    # The bound may be written 1 or 1.0.
    clamp_min(
      %(all)s
        - on (%(by)s)
      %(seconds)d * sum by (%(by)s) (
        %(buckets)s
          and on (%(by)s, le)
        (
          count_values by (%(by)s) ("le", %(threshold)s)
          or
          label_replace(count_values by (%(by)s) ("le", %(threshold)s), "le", "$1.0", "le", "([0-9]+)")
        )
      ),
      0
    )
  ||| % {
    all: this.all(q, window),
    by: q.by,
    seconds: duration.seconds(window),
    buckets: q.bucketRate(window),
    threshold: q.threshold(name),
  }),

  // Of a native histogram, whose functions take a number and no series for the threshold.
  native(q, window, histogram, name, thresholds)::
    std.join('\nor\n', [
      text.chomped(|||
        %(all)s * (1 - histogram_fraction(0, %(threshold)s, %(histogram)s))
          and on (%(by)s)
        %(series)s == %(threshold)s
      ||| % {
        all: this.all_native(window, histogram),
        histogram: histogram,
        by: q.by,
        series: q.threshold(name),
        threshold: threshold,
      })
      for threshold in thresholds[:most]
    ]),
}
