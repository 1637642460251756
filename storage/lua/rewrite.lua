-- rewrite.lua: copies a piece of a store's log into a new log that says nothing of one chat. With the last piece the new one takes the
-- place of the log: a stream's entries cannot be changed, and one that is deleted stays in its memory and its file.
--
-- KEYS[1] head, KEYS[2] log, KEYS[3] the new log, KEYS[4] what the old log is called until it is freed.
-- ARGV[1] it is copied up to this offset (int, 0 = begin), ARGV[2] who copies (a word; whoever begins stops the one before), ARGV[3] entries
--   at most (int), ARGV[4] the chat's "store","user" fields, ARGV[5] and ARGV[6] what stands in the place of its entries, before the offset
--   and between it and the time, ARGV[7] how many were replaced before (int).
-- Returns: the offset that it is copied up to (int, -1 = another copies), how many entries were replaced (int), whether it is done (0|1).
local call = redis.call
local after, limit, about, replaced = tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4] .. ',', tonumber(ARGV[7])
if after == 0 then
  call('HSET', KEYS[1], 'lw', ARGV[2])
  call('UNLINK', KEYS[3])
elseif call('HGET', KEYS[1], 'lw') ~= ARGV[2] then
  return { -1, replaced, 0 }
end
local entries = call('XRANGE', KEYS[2], '(' .. after, '+', 'COUNT', limit)
for i = 1, #entries do
  local id, frame = entries[i][1], entries[i][2][2]
  after = tonumber(string.match(id, '^%d+'))
  local place = string.find(frame, '"store"', 1, true)
  if place and string.sub(frame, place, place + #about - 1) == about then
    frame = ARGV[5] .. after .. ARGV[6] .. (string.match(frame, '"at":(%d+)}$') or '0') .. '}'
    replaced = replaced + 1
  end
  call('XADD', KEYS[3], id, 'f', frame)
end
if #entries == limit then return { after, replaced, 0 } end
call('HDEL', KEYS[1], 'lw')
if replaced == 0 then
  call('UNLINK', KEYS[3])
else
  call('RENAME', KEYS[2], KEYS[4])
  call('RENAME', KEYS[3], KEYS[2])
  call('UNLINK', KEYS[4])
end
return { after, replaced, 1 }
