// How sure it is that a share of events is beyond its threshold, and not by chance.
local duration = import 'duration.libsonnet';
local number = import 'number.libsonnet';

{
  local this = self,

  // An alert's events are counted over its own window, and over longer ones, in which little traffic
  // and small excesses show.
  factors: [6, 24],
  longer(own, factor):: duration.format(duration.seconds(own) * factor),
  windows(settings)::
    [settings.window] + (
      if settings.confidence == null then []
      else [this.longer(settings.window, factor) for factor in this.factors]
    ),

  // The last minute, or what four evaluations take: a rate wants a few scrapes.
  last(config, settings)::
    local few = 4 * duration.seconds(config.alerting.evaluation_interval);
    if few < duration.seconds(settings.window) then duration.format(few) else settings.window,

  // How many standard deviations from the mean leave that share below: Abramowitz and Stegun,
  // Handbook of Mathematical Functions (1964), 26.2.23, which is right within 0.00045.
  deviations(confidence)::
    local t = std.sqrt(-2 * std.log(1 - confidence));
    local exact = t - (2.515517 + t * (0.802853 + t * 0.010328))
                      / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    number.text(std.round(exact * 1000) / 1000),
}
