-- history.lua: the last messages below a number, ascending, each followed by the notes and statuses that came after it.
--
-- KEYS[1] chat, KEYS[2] history.
-- ARGV[1] only messages below this one (int, 0 = all), ARGV[2] how many messages at most (int), ARGV[3] notes too (0|1),
-- ARGV[4] statuses too (0|1).
-- Returns: the chat's last message (int), its last offset (int), its first message still kept (int), 1 if older messages follow
-- (0|1), the entries newest first.
local before, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted = { m = true, n = ARGV[3] == '1', s = ARGV[4] == '1' }
local last = tonumber(redis.call('HGET', KEYS[1], 'sq') or '0')
local offset = tonumber(redis.call('HGET', KEYS[1], 'of') or '0')
local length = redis.call('LLEN', KEYS[2])
local stop = before == 0 and length or first_at(KEYS[2], length, 2, before)
local first = last + 1
if length > 0 then
  local kind, seq = string.match(redis.call('LINDEX', KEYS[2], 0), ENTRY)
  first = tonumber(seq) + (kind == 'm' and 0 or 1)
end

local out, n, messages, more = {}, 0, 0, 0
while stop > 0 and more == 0 do
  local start = math.max(0, stop - 100)
  local chunk = redis.call('LRANGE', KEYS[2], start, stop - 1)
  for i = #chunk, 1, -1 do
    local kind = string.sub(chunk[i], 1, 1)
    if messages == limit then
      -- The page is full; what stands before its first message belongs to older pages.
      if kind == 'm' then more = 1 break end
    else
      if wanted[kind] then
        n = n + 1
        out[n] = chunk[i]
      end
      if kind == 'm' then messages = messages + 1 end
    end
  end
  stop = start
end
return { last, offset, first, more, out }
