// How many requests of a window took longer than an alert's threshold.
local duration = import 'duration.libsonnet';
local text = import 'text.libsonnet';

// Each further one is a branch of its own. Extractors beyond those are judged by their p95 alone.
local most = 20;

{
  // All but those within the bucket of the threshold.
  classic(q, window, name):: text.chomped(|||
    # The bound may be written 1 or 1.0.
    clamp_min(
      %(seconds)d * sum by (%(by)s) (%(buckets)s{le="+Inf"})
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
    by: q.by,
    seconds: duration.seconds(window),
    buckets: q.bucketRate(window),
    threshold: q.threshold(name),
  }),

  // Of a native histogram, whose functions take a number and no series for the threshold.
  native(q, seconds, histogram, name, thresholds)::
    std.join('\nor\n', [
      text.chomped(|||
        %(seconds)d * histogram_count(%(histogram)s) * (1 - histogram_fraction(0, %(threshold)s, %(histogram)s))
          and on (%(by)s)
        %(series)s == %(threshold)s
      ||| % {
        seconds: seconds,
        histogram: histogram,
        by: q.by,
        series: q.threshold(name),
        threshold: threshold,
      })
      for threshold in thresholds[:most]
    ]),
}
