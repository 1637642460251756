-- snapshot.lua: what an agent finds in a store: first the point in the log, then who has a chat that is not closed.
--
-- KEYS[1] head, KEYS[2] log, KEYS[3] cursors, KEYS[4] list of waiting, KEYS[5] list of claimed, KEYS[6] the agent's own chats.
-- ARGV[1] agent, ARGV[2] chats of each status at most (int).
-- Returns: offset (int), first offset still kept (int, offset + 1 if none), the offset the agent acknowledged (or false), users, the offset
-- up to which something was erased (int, 0 if nothing).
local offset = tonumber(redis.call('HGET', KEYS[1], 'of') or '0')
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
local first = oldest[1] and tonumber(string.match(oldest[1][1], '^%d+')) or offset + 1
local seen, users, n = {}, {}, 0
local top = tonumber(ARGV[2]) - 1
for _, found in ipairs({
  redis.call('ZRANGE', KEYS[4], 0, top),
  redis.call('ZRANGE', KEYS[5], 0, top),
  redis.call('SMEMBERS', KEYS[6]),
}) do
  for _, user in ipairs(found) do
    if not seen[user] then
      seen[user] = true
      n = n + 1
      users[n] = user
    end
  end
end
return { offset, first, redis.call('HGET', KEYS[3], ARGV[1]), users, tonumber(redis.call('HGET', KEYS[1], 'er') or '0') }
