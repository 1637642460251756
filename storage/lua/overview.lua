-- overview.lua: how a store stands, all of it at one moment.
--
-- KEYS[1] head, KEYS[2] queue, KEYS[3] list of claimed, then for each agent: owned set.
-- Returns: the last offset (int), how many chats wait (int), how many are claimed (int), the user who has waited longest and since when
-- (as ZRANGE WITHSCORES, empty if nobody), then for each agent how many chats it owns (int).
local call = redis.call
local out = {
  tonumber(call('HGET', KEYS[1], 'of') or '0'),
  call('ZCARD', KEYS[2]),
  call('ZCARD', KEYS[3]),
  call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES'),
}
for i = 4, #KEYS do out[i + 1] = call('SCARD', KEYS[i]) end
return out
