// Who hears of which levels of a policy. An address is a channel of a recipient; those that hear of
// the same levels share one of Alertmanager's receivers, and so one group for all of these levels:
// each of them is told a level when it begins, and one end.
local escalation = import 'escalation.libsonnet';

local channels = ['email', 'slack', 'pagerduty'];

local derive_heard(config, policy) = std.foldl(
  function(found, one) found { [one.address]+: [one.level] },
  [
    { address: channel + '/' + recipient, level: level.level }
    for level in escalation.all(config, policy)
    for channel in channels
    if config.channels[channel].enabled && std.member(level.channels, channel)
    for recipient in level.recipients
  ],
  {}
);

{
  channels: channels,
  derive_heard:: derive_heard,

  // By address, the levels of a policy that it hears of.
  heard(config, policy):: config.derived.heard(policy),

  // {levels, addresses}, from the lowest level on.
  of(config, policy)::
    local levels = self.heard(config, policy);
    [
      {
        levels: std.split(key, '-'),
        addresses: [a for a in std.objectFields(levels) if std.join('-', levels[a]) == key],
      }
      for key in std.set([std.join('-', levels[a]) for a in std.objectFields(levels)])
    ],

  // The addresses that some level up to this one tells.
  up_to(config, policy, level)::
    local levels = self.heard(config, policy);
    [a for a in std.objectFields(levels) if std.parseInt(levels[a][0]) <= level],

  // Names of the recipients whom these addresses reach by a channel.
  recipients(addresses, channel):: [
    std.substr(address, std.length(channel) + 1, std.length(address))
    for address in addresses
    if std.startsWith(address, channel + '/')
  ],
}
