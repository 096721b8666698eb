// Which alerts outlast a worse one of the same trouble that mutes them, by their cooldowns alone:
// by alert, those worse ones.
local duration = import 'duration.libsonnet';

// identities: by alert that is on, the labels that tell alerts of this name apart.
function(config, identities)
  local of(severity) = [
    name
    for name in std.objectFields(identities)
    if std.objectHas(config.alerts, name) && config.alerts[name].severity == severity
  ];
  local cooldown(name) = duration.seconds(config.alerts[name].cooldown);
  local trouble(name) = [identities[name], config.alerts[name].labels.category, config.alerts[name].labels.type];
  local worse(name) = [
    critical
    for critical in of('critical')
    if trouble(critical) == trouble(name) && cooldown(critical) < cooldown(name)
  ];
  { [name]: worse(name) for name in of('high') if worse(name) != [] }
