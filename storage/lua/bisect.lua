-- bisect.lua: the first entry of a chat's history that stands at or above a number. Put before the scripts that need it.
-- An entry is "KIND SEQ OFFSET FROM_USER FRAME"; KIND is m (message), n (note) or s (status); SEQ is the message's number, or that
-- of the message an event follows; FROM_USER how many messages up to it are the user's. SEQ and OFFSET never fall.
local ENTRY = '^(%a) (%d+) (%d+) (%d+) (.*)$'

-- history: key; field: 2 for SEQ, 3 for OFFSET; number: int. Returns the 0-based index, the length if there is none.
local function first_at(history, length, field, number)
  local low, high = 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = { string.match(redis.call('LINDEX', history, middle), ENTRY) }
    if tonumber(entry[field]) >= number then high = middle else low = middle + 1 end
  end
  return low
end
