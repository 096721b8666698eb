// Prometheus durations of days, hours, minutes and seconds: 1h30m <-> 5400.
local units = [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]];

{
  seconds(text)::
    local step(state, char) =
      local unit = [u[1] for u in units if u[0] == char];
      if unit == [] then state { digits+: char }
      else { digits: '', total: state.total + std.parseInt(state.digits) * unit[0] };
    local end = std.foldl(step, std.stringChars(text), { digits: '', total: 0 });
    assert end.digits == '' && text != '' : '%s is not a duration such as 30s or 5m' % text;
    end.total,

  // The longest units that divide it: 300 is 5m, 90 is 90s.
  format(seconds)::
    if seconds == 0 then '0s'
    else
      local unit = [u for u in units if seconds % u[1] == 0][0];
      '%d%s' % [seconds / unit[1], unit[0]],

  // A key of a rule, which Prometheus takes as 0s where it is not written.
  given(key, text):: if self.seconds(text) == 0 then {} else { [key]: text },

  sum(durations):: self.format(std.foldl(function(total, d) total + $.seconds(d), durations, 0)),
}
