-- chats.lua: chats as lists show them.
--
-- KEYS: for each chat: chat, history.
-- Returns for each chat: the chat as HGETALL (empty if there is none), the history's entry of its last message (false if there is none).
local out = {}
for i = 1, #KEYS, 2 do
  local after_last = tonumber(redis.call('HGET', KEYS[i], 'al') or '0')
  out[i] = redis.call('HGETALL', KEYS[i])
  out[i + 1] = redis.call('LINDEX', KEYS[i + 1], -1 - after_last)
end
return out
