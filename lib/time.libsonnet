// Points in time: 2026-12-01T20:00:00Z -> 1796155200.
{
  // Days from 1970-01-01 as in Howard Hinnant's "days_from_civil": years begin in March.
  local days(year, month, day) =
    local y = if month <= 2 then year - 1 else year;
    local day_of_year = std.floor((153 * (month + (if month > 2 then -3 else 9)) + 2) / 5) + day - 1;
    365 * y + std.floor(y / 4) - std.floor(y / 100) + std.floor(y / 400) + day_of_year - 719468,

  unix(text)::
    local part(from, length) = std.parseInt(std.substr(text, from, length));
    assert std.length(text) == 20 && text[19] == 'Z' : '%s is not a time such as 2026-12-01T20:00:00Z' % text;
    86400 * days(part(0, 4), part(5, 2), part(8, 2)) + 3600 * part(11, 2) + 60 * part(14, 2) + part(17, 2),
}
