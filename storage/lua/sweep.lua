-- sweep.lua: drops from the histories of some chats what is older than a moment, and what is more than they keep. A closed chat of which
-- nothing is left goes from its list, and its user's name with it, and so does where its user was; numbers alone stay, so that the next message follows the last.
--
-- KEYS[1] list of closed; then for each chat: chat, history, context.
-- ARGV[1] the moment (ms, int), ARGV[2] entries a history keeps (int), then for each chat: user.
-- Returns: how many entries went (int), then the users whose chats went.
local call = redis.call
local moment, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local out, n, dropped = {}, 1, 0

-- The 0-based index of the first entry that is young enough; the length if there is none. Times hardly ever go back.
local function first_young(history, length)
  local low, high = 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(string.match(call('LINDEX', history, middle), '"at":(%d+)}$')) >= moment then high = middle else low = middle + 1 end
  end
  return low
end

for i = 3, #ARGV do
  local chat, history, context = KEYS[3 * i - 7], KEYS[3 * i - 6], KEYS[3 * i - 5]
  local length = call('LLEN', history)
  local first = math.max(first_young(history, length), length - limit)
  if first > 0 then
    call('LTRIM', history, first, -1)
    dropped = dropped + first
  end
  local told = tonumber(string.match(call('GETRANGE', context, 0, 15), '^%d+') or moment)
  local is_over = first >= length and call('HGET', chat, 'st') == 'closed'
  if told < moment or is_over then call('UNLINK', context) end
  if first >= length and call('HGET', chat, 'st') == 'closed' then
    call('HDEL', chat, 'un', 'on')
    call('ZREM', KEYS[1], ARGV[i])
    n = n + 1
    out[n] = ARGV[i]
  end
end
out[1] = dropped
return out
