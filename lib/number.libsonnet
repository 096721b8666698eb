// Numbers as text. '%g' is exact in no engine: rjsonnet writes 0.00007 as 6.1e-05, and the others
// 0.999999999999 as 1 where 12 digits are asked for.

// Every whole number below it is exact.
local limit = 1e15;
local most_places = 15;
local powers = std.foldl(function(found, _) found + [found[std.length(found) - 1] * 10], std.range(1, most_places), [1]);

// Whether so many digits after the point are enough. Both sides of the division are exact, so it
// gives what is nearest to those digits, and that is how they are read.
local scaled(x, places) = std.floor(x * powers[places] + 0.5);
local fits(x, places) =
  local near = scaled(x, places) / powers[places];
  // Not `==`, which to rjsonnet is true of numbers that are nearly equal.
  x * powers[places] < limit && !(near < x) && !(near > x);

local with_point(digits, places) =
  local lacking = std.max(0, places + 1 - std.length(digits));
  local padded = std.repeat('0', lacking) + digits;
  local point = std.length(padded) - places;
  padded[:point] + (if places == 0 then '' else '.' + padded[point:]);

local shortest(x, places=0) =
  if fits(x, places) then with_point(std.toString(scaled(x, places)), places)
  // Exact too, but 0.1 is 0.10000000000000001 to some engines.
  else if places == most_places || x >= limit then std.toString(x)
  else shortest(x, places + 1);

local text(x) = if x < 0 then '-' + shortest(-x) else shortest(x);

{
  // What is read as the same number again, as short as people would write it.
  text:: text,

  // Of many, most of which are among few.
  texts(xs)::
    local keys = std.map(std.toString, xs);
    local known = { [std.toString(x)]: text(x) for x in std.set(xs, std.toString) };
    [known[key] for key in keys],
}
