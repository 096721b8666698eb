// When an incident begins, escalates and ends, in PromQL.
local promql = import '../../lib/promql.libsonnet';
local text = import '../../lib/text.libsonnet';
local firing = import 'firing.libsonnet';
local together = import 'together.libsonnet';
local told = import 'told.libsonnet';

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
  // With what had been told before: it is a label of the incident from its beginning to its end.
  local after(case) =
    local texts = [state.text for state in told.before(config, name, case)];
    |||
      (
      %(begins)s
      )
        * on (%(by)s) group_left (told)
      (
      %(told)s{correlation="%(name)s", %(texts)s}
      or on (%(by)s)
      group by (%(by)s) (%(activation)s)
      )
    ||| % {
      begins: text.chomped(begins(case)),
      by: q.by,
      told: q.told,
      name: name,
      texts: promql.oneOf('told', texts),
      activation: q.activationOf(name),
    };
  local at(case, level) =
    fires.itself([fires.severity([case.severity]), fires.policy([case.policy]), fires.level(level)]);
  local escalates(case, level) =
    '# It escalates when a member does, whose own condition has lasted that long.\n'
    + 'group by (%s, told) (%s)\n' % [q.by, at(case, '1')]
    + clause('and', fires.members([fires.policy([case.policy]), fires.level(level)]));
  local lasts(case, level) = |||
    # Once begun, it lasts until its last member ends: nobody is told of the same trouble again.
    group by (%(by)s, told) (%(itself)s)
      and on (%(by)s)
    %(activation)s
    or on (%(by)s)
  ||| % { by: q.by, activation: q.activationOf(name), itself: at(case, level) };

  {
    of(case, level):: lasts(case, level) + (if level == '1' then after(case) else escalates(case, level)),
  }
