// One alert becomes one rule per escalation level: the same expression, due later.
// Prometheus keeps the clock (it restores `for` after a restart), and the level is a label that
// Alertmanager routes on; a level that is not due yet is a pending alert.
local duration = import 'duration.libsonnet';

{
  levels(config, policy, max)::
    local levels = config.escalation.policies[policy].levels;
    local count = if config.escalation.enabled then std.min(max, std.length(levels)) else 1;
    local delay(level, default) =
      local own = std.get(level, 'delay');
      if own != null then own else default;
    [
      levels[i] {
        level: std.toString(i + 1),
        // Delays add up: each level waits for the one before it. The first never waits.
        after: duration.sum(
          [
            delay(levels[j], if j == 0 then '0s' else config.escalation.default_delay)
            for j in std.range(0, i)
          ]
        ),
      }
      for i in std.range(0, count - 1)
    ],

  // rule: {alert, expr, for, keep_firing_for, labels, annotations} of the first level.
  escalate(config, rule, policy, max):: [
    rule {
      'for': duration.sum([rule['for'], level.after]),
      labels+: { escalation_policy: policy, escalation_level: level.level },
      annotations+: { response_time: std.strReplace(level.response_time, '_', ' ') },
    }
    for level in self.levels(config, policy, max)
  ],
}
