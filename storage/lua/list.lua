-- list.lua: a page of the list of chats, newest first by the last message, then by user.
--
-- KEYS: the lists to merge (one for each status).
-- ARGV[1] continue behind this score (minus the time of the last message, '' = from the start), ARGV[2] and this user, ARGV[3] limit (int).
-- Returns users, one more than the limit if others follow.
local limit = tonumber(ARGV[3]) + 1
local merged, n = {}, 0
for _, key in ipairs(KEYS) do
  local start = 0
  if ARGV[1] ~= '' then
    start = redis.call('ZCOUNT', key, '-inf', '(' .. ARGV[1])
    -- Of the same millisecond, those up to the user were on the page before.
    while true do
      local at = redis.call('ZRANGE', key, start, start, 'WITHSCORES')
      if not at[1] or tonumber(at[2]) ~= tonumber(ARGV[1]) or at[1] > ARGV[2] then break end
      start = start + 1
    end
  end
  local found = redis.call('ZRANGE', key, start, start + limit - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    n = n + 1
    merged[n] = { tonumber(found[i + 1]), found[i] }
  end
end
table.sort(merged, function(a, b)
  if a[1] ~= b[1] then return a[1] < b[1] end
  return a[2] < b[2]
end)
local users = {}
for i = 1, math.min(limit, n) do users[i] = merged[i][2] end
return users
