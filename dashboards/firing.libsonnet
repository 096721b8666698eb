// What fires, in PromQL and in the panels that more than one dashboard has.
local dashboard = import '../lib/dashboard.libsonnet';
local panels = import '../lib/panels.libsonnet';

function(config)
  local d = dashboard.new(config);
  local firing(matchers) = 'ALERTS{%s}' % std.join(', ', ['alertstate="firing"'] + matchers + d.chosen);
  {
    local this = self,

    // Alerts that fire, of what is chosen.
    alerts:: firing,
    // Each once: whatever fires has its first level.
    each: firing(['escalation_level="1"']),
    // The level that each has reached, of alerts told apart by these labels: every level that fires
    // has a series, and none fires without those below it.
    level(labels):: 'count by (%(labels)s) (group by (%(labels)s, escalation_level) (%(levels)s))' % {
      labels: labels,
      levels: firing(['escalation_level!=""']),
    },
    by_level: panels.colours('green', [[1, 'yellow'], [2, 'orange'], [3, 'red']]),

    by_severity(title, description):: panels.stat(title, description, 'short', [
      panels.now(
        'count by (severity) (%s)\nor on ()\nlabel_replace(vector(0), "severity", "none", "", "")' % this.each,
        '{{severity}}'
      ),
    ]) + panels.colours('green', [[1, 'red']]),

    timeline(title, description, labels):: panels.timeline(title, description, [
      panels.target(this.level('alertname, ' + labels), '{{alertname}} ' + d.whose),
    ]) + this.by_level + panels.without('Nothing fired.'),
  }
