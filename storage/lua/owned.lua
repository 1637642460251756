-- owned.lua: who owns which chats of a store.
--
-- KEYS[1] list of claimed, then the chats of the users in ARGV (none: the first call asks for the users).
-- ARGV: users, in the order of their chats.
-- Returns: without ARGV the users, else owner and user by turns.
if #ARGV == 0 then return redis.call('ZRANGE', KEYS[1], 0, -1) end
local out, n = {}, 0
for i, user in ipairs(ARGV) do
  local owner = redis.call('HGET', KEYS[i + 1], 'ow')
  if owner and owner ~= '' then
    out[n + 1], out[n + 2] = owner, user
    n = n + 2
  end
end
return out
