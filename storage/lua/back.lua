-- back.lua: events of a chat below an offset, newest first.
--
-- KEYS[1] history.
-- ARGV[1] only events below this offset (int, 0 = all), ARGV[2] how many at most (int).
-- Returns: 1 if older ones follow (0|1), the entries newest first.
local before, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local length = redis.call('LLEN', KEYS[1])
local stop = before == 0 and length or first_at(KEYS[1], length, 3, before)
if stop == 0 then return { 0, {} } end
local start = math.max(0, stop - limit)
local out, n = {}, 0
local chunk = redis.call('LRANGE', KEYS[1], start, stop - 1)
for i = #chunk, 1, -1 do
  n = n + 1
  out[n] = chunk[i]
end
return { start > 0 and 1 or 0, out }
