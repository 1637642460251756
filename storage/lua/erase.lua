-- erase.lua: takes a chat away, and what lists and queues say of it. What the store's log says of it is left to `rewrite.lua`; that
-- something up to here was erased is said in the head, and by one entry more, so that whoever has dropped what it held stands behind it.
--
-- KEYS[1] head, KEYS[2] log, KEYS[3] chat, KEYS[4] history, KEYS[5] queue, KEYS[6] list of waiting, KEYS[7] list of claimed,
--   KEYS[8] list of closed, KEYS[9] context, KEYS[10] owned set of the owner, if it has one.
-- ARGV[1] user, ARGV[2] the owner that the chat is known to have ('' = nobody), ARGV[3] and ARGV[4] the entry, before its offset and between
--   that and its time, ARGV[5] the time (ms, int).
-- Returns: whether there was a chat (0|1), its owner ('' = nobody). If that is another one nothing was done.
local call = redis.call
if call('EXISTS', KEYS[3]) == 0 then return { 0, ARGV[2] } end
local owner = call('HGET', KEYS[3], 'ow')
if owner ~= ARGV[2] then return { 1, owner } end
local offset = tonumber(call('HGET', KEYS[1], 'of'))
call('HSET', KEYS[1], 'er', offset, 'of', offset + 1)
call('XADD', KEYS[2], (offset + 1) .. '-0', 'f', ARGV[3] .. (offset + 1) .. ARGV[4] .. ARGV[5] .. '}')
call('DEL', KEYS[3])
call('UNLINK', KEYS[4], KEYS[9])
for i = 5, 8 do call('ZREM', KEYS[i], ARGV[1]) end
if KEYS[10] then call('SREM', KEYS[10], ARGV[1]) end
return { 1, owner }
