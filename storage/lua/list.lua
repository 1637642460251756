-- list.lua: a page of the list of chats, newest first by the last message, then by user.
--
-- KEYS: the lists to merge (one for each status).
-- ARGV[1] continue behind this score (minus the time of the last message, '' = from the start), ARGV[2] and this user, ARGV[3] limit (int).
-- Returns users, one more than the limit if others follow.
local limit = tonumber(ARGV[3]) + 1

-- Whether a user stands behind another. Lua compares strings by the server's locale, sorted sets by bytes.
local function behind(a, b)
  for i = 1, math.min(#a, #b) do
    local left, right = string.byte(a, i), string.byte(b, i)
    if left ~= right then return left > right end
  end
  return #a > #b
end

local merged, n = {}, 0
for _, key in ipairs(KEYS) do
  local start = 0
  if ARGV[1] ~= '' then
    start = redis.call('ZCOUNT', key, '-inf', '(' .. ARGV[1])
    -- Of the same millisecond, those up to the user were on the page before.
    local stop = redis.call('ZCOUNT', key, '-inf', ARGV[1])
    while start < stop do
      local middle = math.floor((start + stop) / 2)
      if behind(redis.call('ZRANGE', key, middle, middle)[1], ARGV[2]) then stop = middle else start = middle + 1 end
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
  return behind(b[2], a[2])
end)
local users = {}
for i = 1, math.min(limit, n) do users[i] = merged[i][2] end
return users
