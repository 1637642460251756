-- trim.lua: drops from a store's log what is older than a moment, and what is more than it keeps.
--
-- KEYS[1] head, KEYS[2] log.
-- ARGV[1] the moment (ms, int), ARGV[2] entries a log keeps (int), ARGV[3] how many may go in one step (int).
-- Returns: how many entries went (int).
local call = redis.call
local oldest = call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
if not oldest then return 0 end
local first, last = tonumber(string.match(oldest[1], '^%d+')), tonumber(call('HGET', KEYS[1], 'of'))
local moment, limit, step = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- The first that is young enough. Offsets have no gap, and times hardly ever go back.
local low, high = first, last + 1
while low < high do
  local middle = math.floor((low + high) / 2)
  local entry = call('XRANGE', KEYS[2], tostring(middle), '+', 'COUNT', 1)[1]
  if tonumber(string.match(entry[2][2], '"at":(%d+)}$')) >= moment then high = middle else low = middle + 1 end
end
local keep = math.min(math.max(low, last - limit + 1), first + step)
if keep <= first then return 0 end
return call('XTRIM', KEYS[2], 'MINID', '=', keep .. '-0')
