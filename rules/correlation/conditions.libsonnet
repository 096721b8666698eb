// When an incident begins, escalates and ends, in PromQL.
local promql = import '../../lib/promql.libsonnet';
local firing = import 'firing.libsonnet';
local together = import 'together.libsonnet';

function(config, name)
  local q = promql.new(config);
  local fires = firing(config, name);
  local clause(operator, series) = '  %s on (%s)\n%s\n' % [operator, q.by, series];
  local unless(words, matcher) =
    if words == [] then '' else clause('unless', fires.members([matcher(words)]));

  // It begins with the severity and the policy that are the worst and strictest among its members.
  local begins(case) =
    together(config, name, case)
    + clause('and', fires.members([fires.severity([case.severity])]))
    + clause('and', fires.members([fires.policy([case.policy]), fires.level('1')]))
    + unless(case.worse, fires.severity)
    + unless(case.stricter, fires.policy);
  local at(case, level) =
    fires.itself([fires.severity([case.severity]), fires.policy([case.policy]), fires.level(level)]);
  local escalates(case, level) =
    '# It escalates when a member does, whose own condition has lasted that long.\n'
    + 'group by (%s) (%s)\n' % [q.by, at(case, '1')]
    + clause('and', fires.members([fires.policy([case.policy]), fires.level(level)]));
  local lasts(case, level) = |||
    or
    # Once begun, it lasts until its last member ends: nobody is told of the same trouble again.
    group by (%(by)s) (%(activation)s)
      and on (%(by)s)
    %(itself)s
  ||| % { by: q.by, activation: q.activationOf(name), itself: at(case, level) };

  {
    of(case, level):: (if level == '1' then begins(case) else escalates(case, level)) + lasts(case, level),
  }
