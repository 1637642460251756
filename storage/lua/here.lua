-- here.lua: says who of a store's agents is on this node, and tells who is on which.
--
-- KEYS[1] who is where: node to "BEAT WHO"; [2] the channel about the store; without it, it is about the nodes themselves.
-- ARGV[1] the node, [2] its beat, which rises (int), [3] who is here ('' = nobody), [4] how long all of it is kept (ms, int);
--   then the nodes that were found dead, each with the last beat that was heard of it: one that beats again is not dead.
-- Returns the hash as it is then. Where somebody has come or gone it is published: "NODE about p".

local call, sub, find, match = redis.call, string.sub, string.find, string.match
local here, node, who = KEYS[1], ARGV[1], ARGV[3]
local before, changed = call('HGET', here, node), false

if who ~= '' then
  changed = not before or sub(before, find(before, ' ', 1, true) + 1) ~= who
  call('HSET', here, node, ARGV[2] .. ' ' .. who)
elseif before then
  changed = true
  call('HDEL', here, node)
end
for i = 5, #ARGV, 2 do
  local found = call('HGET', here, ARGV[i])
  if found and tonumber(match(found, '^%d+')) <= tonumber(ARGV[i + 1]) then
    changed = true
    call('HDEL', here, ARGV[i])
  end
end
if who ~= '' then call('PEXPIRE', here, ARGV[4]) end
if changed and KEYS[2] then pcall(call, 'SPUBLISH', KEYS[2], node .. ' about p') end
return call('HGETALL', here)
