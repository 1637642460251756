-- page.lua: events of a chat above a number, in order.
--
-- KEYS[1] chat, KEYS[2] history.
-- ARGV[1] 2: the number is a message's, 3: it is an offset (int), ARGV[2] the number (int), ARGV[3] how many entries at most (int).
-- Returns: the chat's last message (int), its last offset (int), its first message still kept (int, last + 1 if none), the entries.
local last = tonumber(redis.call('HGET', KEYS[1], 'sq') or '0')
local offset = tonumber(redis.call('HGET', KEYS[1], 'of') or '0')
local length = redis.call('LLEN', KEYS[2])
local first = last + 1
local start = first_at(KEYS[2], length, tonumber(ARGV[1]), tonumber(ARGV[2]) + 1)
if length > 0 then
  local kind, seq = string.match(redis.call('LINDEX', KEYS[2], 0), ENTRY)
  -- What opens the history after a trim may be a note that follows a message that is gone.
  first = tonumber(seq) + (kind == 'm' and 0 or 1)
end
return { last, offset, first, redis.call('LRANGE', KEYS[2], start, start + tonumber(ARGV[3]) - 1) }
