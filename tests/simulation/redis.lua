-- redis.lua: the few commands of a Redis server that `storage` uses, on plain Lua tables, so that its scripts call them where they run.
--
-- A string is a Lua string. Everything else is a table with a `kind`: h hash, l list, s set, z sorted set, x stream. Hashes and sets are
-- told in the order in which they were filled, so that a run is a function of its seed: the order of Lua's own tables is not.
-- Returns: fresh () -> data; copy (data) -> data; execute (data, full, name, argument...), entries (data, argument of XRANGE...) and
-- run (data, full, script, number of keys, key or argument...) -> a lone reply, or true and the items of a list, or false and the words
-- of an error; published () -> channel, message, channel, message... of what was published since; listening (channel, number), or
-- listening () to begin anew.
local WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
local FULL = "OOM command not allowed when used memory > 'maxmemory'."
-- What a server that is full refuses; deleting is always allowed. A script that has written anything may go on.
local REFUSED = { HSET = 1, HSETNX = 1, HINCRBY = 1, RPUSH = 1, XADD = 1, SADD = 1, ZADD = 1, SET = 1, INCR = 1 }
local WRITES = { HDEL = 1, LTRIM = 1, SREM = 1, ZREM = 1, PEXPIRE = 1, DEL = 1, UNLINK = 1, RENAME = 1, XTRIM = 1 }

local floor, format, match, sub = math.floor, string.format, string.match, string.sub
local data
local OK = { ok = 'OK' }

local function fail(words)
  error({ err = words }, 0)
end

-- A number as Redis writes it.
local function text(value)
  return type(value) == 'number' and format('%.17g', value) or value
end

local function get(key, kind)
  local value = data[key]
  if value ~= nil and value.kind ~= kind then fail(WRONG_TYPE) end
  return value
end

local function make(key, kind)
  local value = get(key, kind)
  if value == nil then
    value = { kind = kind, n = 0, has = {} }
    data[key] = value
  end
  return value
end

-- Redis' inclusive range as the first and the last place of a Lua list.
local function span(start, stop, length)
  start, stop = tonumber(start), tonumber(stop)
  if start < 0 then start = math.max(start + length, 0) end
  if stop < 0 then stop = stop + length end
  return start + 1, math.min(stop, length - 1) + 1
end

local function drop_empty(key, value)
  if value.n == 0 then data[key] = nil end
end

local C = {}

-- Strings and keys.

function C.PING()
  return 'PONG'
end

function C.GET(key)
  local value = data[key]
  if value ~= nil and type(value) ~= 'string' then fail(WRONG_TYPE) end
  return value or false
end

function C.SET(key, value, option)
  if option == 'NX' and data[key] ~= nil then return false end
  data[key] = text(value)
  return OK
end

function C.STRLEN(key)
  return #(C.GET(key) or '')
end

function C.GETRANGE(key, first, last)
  return sub(C.GET(key) or '', first + 1, last + 1)
end

function C.EXISTS(key)
  return data[key] ~= nil and 1 or 0
end

function C.INCR(key)
  local value = tonumber(C.GET(key) or 0) + 1
  data[key] = text(value)
  return value
end

-- A run is shorter than what is set here.
C.PEXPIRE = C.EXISTS

function C.DEL(...)
  local gone = 0
  for _, key in ipairs({ ... }) do
    gone = gone + C.EXISTS(key)
    data[key] = nil
  end
  return gone
end

C.UNLINK = C.DEL

function C.RENAME(key, name)
  if data[key] == nil then fail('ERR no such key') end
  data[name], data[key] = data[key], nil
  return OK
end

-- Patterns that end in the only asterisk they have.
function C.KEYS(pattern)
  local found, n, prefix = {}, 0, sub(pattern, 1, -2)
  for key in pairs(data) do
    if sub(key, 1, #prefix) == prefix then
      n = n + 1
      found[n] = key
    end
  end
  table.sort(found)
  return found
end

-- Hashes and sets: the fields or members stand in the value itself, `has` has what is in a field, or true.

local function put(found, name, value)
  if found.has[name] == nil then
    found.n = found.n + 1
    found[found.n] = name
  end
  found.has[name] = value
end

-- How many of these names were there, and are not any more.
local function take_out(key, found, names)
  local gone = 0
  for _, name in ipairs(names) do
    if found.has[name] ~= nil then
      found.has[name], gone = nil, gone + 1
      for i = 1, found.n do
        if found[i] == name then
          table.remove(found, i)
          break
        end
      end
      found.n = found.n - 1
    end
  end
  drop_empty(key, found)
  return gone
end

local function part(found, first, last)
  local out = {}
  for i = first, last do out[i - first + 1] = found[i] end
  return out
end

function C.HLEN(key)
  local found = get(key, 'h')
  return found and found.n or 0
end

function C.HGET(key, field)
  local found = get(key, 'h')
  return found and found.has[field] or false
end

function C.HMGET(key, ...)
  local found, out = get(key, 'h'), { ... }
  local has = found and found.has or {}
  for i = 1, #out do out[i] = has[out[i]] or false end
  return out
end

function C.HGETALL(key)
  local found, out = get(key, 'h'), {}
  for i = 1, found and found.n or 0 do out[2 * i - 1], out[2 * i] = found[i], found.has[found[i]] end
  return out
end

function C.HSET(key, ...)
  local found, words = make(key, 'h'), { ... }
  local before = found.n
  for i = 1, #words, 2 do put(found, words[i], text(words[i + 1])) end
  return found.n - before
end

function C.HSETNX(key, field, value)
  local found = make(key, 'h')
  if found.has[field] ~= nil then return 0 end
  put(found, field, text(value))
  return 1
end

function C.HDEL(key, ...)
  local found = get(key, 'h')
  return found and take_out(key, found, { ... }) or 0
end

function C.HINCRBY(key, field, by)
  local found = make(key, 'h')
  local value = tonumber(found.has[field] or 0) + tonumber(by)
  put(found, field, text(value))
  return value
end

function C.SADD(key, ...)
  local found, members = make(key, 's'), { ... }
  local before = found.n
  for _, member in ipairs(members) do put(found, member, true) end
  return found.n - before
end

function C.SREM(key, ...)
  local found = get(key, 's')
  return found and take_out(key, found, { ... }) or 0
end

function C.SCARD(key)
  local found = get(key, 's')
  return found and found.n or 0
end

function C.SMEMBERS(key)
  local found = get(key, 's')
  return found and part(found, 1, found.n) or {}
end

-- Lists: the items stand in the value itself.

function C.LLEN(key)
  local found = get(key, 'l')
  return found and found.n or 0
end

function C.LINDEX(key, index)
  local found = get(key, 'l')
  index = tonumber(index)
  return found and found[index < 0 and found.n + index + 1 or index + 1] or false
end

function C.LRANGE(key, start, stop)
  local found = get(key, 'l')
  return found and part(found, span(start, stop, found.n)) or {}
end

function C.RPUSH(key, ...)
  local found = make(key, 'l')
  for _, value in ipairs({ ... }) do
    found.n = found.n + 1
    found[found.n] = value
  end
  return found.n
end

function C.LTRIM(key, start, stop)
  local found = get(key, 'l')
  if found then
    local left = part(found, span(start, stop, found.n))
    left.kind, left.n, left.has = 'l', #left, found.has
    data[key] = left
    drop_empty(key, left)
  end
  return OK
end

-- Sorted sets: the members stand in the value itself, by score, then by bytes; `has` has their scores.

-- How many members stand before this score and member; before all of this score without one.
local function before(found, score, member)
  local low, high = 1, found.n + 1
  while low < high do
    local middle = floor((low + high) / 2)
    local other = found.has[found[middle]]
    if other < score or (other == score and member and found[middle] < member) then low = middle + 1 else high = middle end
  end
  return low - 1
end

local function leave(found, member)
  local score = found.has[member]
  if not score then return 0 end
  table.remove(found, before(found, score, member) + 1)
  found.has[member], found.n = nil, found.n - 1
  return 1
end

function C.ZADD(key, ...)
  local words = { ... }
  local found, score, member = make(key, 'z'), tonumber(words[#words - 1]), words[#words]
  local had = found.has[member]
  if had and words[1] == 'GT' and score <= had then return 0 end
  leave(found, member)
  table.insert(found, before(found, score, member) + 1, member)
  found.has[member], found.n = score, found.n + 1
  return had and 0 or 1
end

function C.ZSCORE(key, member)
  local found = get(key, 'z')
  return found and text(found.has[member]) or false
end

function C.ZREM(key, member)
  local found = get(key, 'z')
  if not found then return 0 end
  local gone = leave(found, member)
  drop_empty(key, found)
  return gone
end

function C.ZCARD(key)
  local found = get(key, 'z')
  return found and found.n or 0
end

function C.ZCOUNT(key, low, high)
  local found = get(key, 'z')
  if low ~= '-inf' then fail('ERR not simulated') end
  if not found then return 0 end
  if sub(high, 1, 1) == '(' then return before(found, tonumber(sub(high, 2))) end
  return before(found, tonumber(high), '\255')
end

function C.ZRANGE(key, start, stop, ...)
  local found, by_score, with_scores = get(key, 'z'), false, false
  for _, option in ipairs({ ... }) do
    by_score, with_scores = by_score or option == 'BYSCORE', with_scores or option == 'WITHSCORES'
  end
  if not found then return {} end
  local first, last
  if by_score then
    if stop ~= '+inf' then fail('ERR not simulated') end
    first, last = before(found, tonumber(start)) + 1, found.n
  else
    first, last = span(start, stop, found.n)
  end
  local members = part(found, first, last)
  if not with_scores then return members end
  local out = {}
  for i, member in ipairs(members) do out[2 * i - 1], out[2 * i] = member, text(found.has[member]) end
  return out
end

-- Streams of entries with one field; the second half of an id is always 0. The numbers stand in the value itself, `has` has what they
-- carry. Trimmed at once, as a real one is with `stream-node-max-entries 1`.

function C.XADD(key, ...)
  local words, trim = { ... }, nil
  local at = 1
  if words[1] == 'MAXLEN' then trim, at = tonumber(words[3]), 4 end
  local found, number = make(key, 'x'), tonumber(match(words[at], '^%d+'))
  if found.n > 0 and number <= found[found.n] then
    fail('ERR The ID specified in XADD is equal or smaller than the target stream top item')
  end
  found.n = found.n + 1
  found[found.n], found.has[number] = number, { words[at + 1], words[at + 2] }
  while trim and found.n > trim do
    found.has[table.remove(found, 1)] = nil
    found.n = found.n - 1
  end
  return words[at]
end

-- The first and the last place of a range.
local function places(found, low, high, count)
  if high ~= '+' then fail('ERR not simulated') end
  local number = low == '-' and 0 or tonumber(match(low, '%d+')) + (sub(low, 1, 1) == '(' and 1 or 0)
  local first, last = 1, found.n + 1
  while first < last do
    local middle = floor((first + last) / 2)
    if found[middle] < number then first = middle + 1 else last = middle end
  end
  return first, count and math.min(first + tonumber(count) - 1, found.n) or found.n
end

function C.XRANGE(key, low, high, _, count)
  local found, out = get(key, 'x'), {}
  if not found then return out end
  local first, last = places(found, low, high, count)
  for i = first, last do
    out[i - first + 1] = { format('%d-0', found[i]), found.has[found[i]] }
  end
  return out
end

function C.XTRIM(key, kind, exact, id)
  local found = get(key, 'x')
  if kind ~= 'MINID' or exact ~= '=' then fail('ERR not simulated') end
  if not found then return 0 end
  local gone = places(found, id, '+') - 1
  for _ = 1, gone do found.has[table.remove(found, 1)] = nil end
  found.n = found.n - gone
  return gone
end

-- Channels: who listens is for the server around this to know, but for how many.

local listeners, said = {}, {}

function C.PUBSUB(about, ...)
  if about ~= 'NUMSUB' then fail('ERR not simulated') end
  local out = {}
  for _, channel in ipairs({ ... }) do
    out[#out + 1], out[#out + 2] = channel, listeners[channel] or 0
  end
  return out
end

function C.SPUBLISH(channel, message)
  said[#said + 1], said[#said + 2] = channel, message
  return 0
end

C.PUBLISH = C.SPUBLISH

local function published()
  local found = said
  said = {}
  return unpack(found)
end

local function listening(channel, number)
  if channel then listeners[channel] = number else listeners, said = {}, {} end
end

-- How it is called.

local dirty, scripted, unknown

setmetatable(C, {
  __index = function(_, name)
    unknown = name
    fail('ERR not simulated')
  end,
})

local function call(name, ...)
  return C[name](...)
end

-- On a server that is full.
local function call_full(name, ...)
  if REFUSED[name] and not dirty then fail(FULL) end
  dirty = scripted and (dirty or REFUSED[name] or WRITES[name])
  return C[name](...)
end

redis = {}

local function reply(ok, found)
  if unknown then
    local name = unknown
    unknown = nil
    error('the simulated Redis does not know ' .. name .. ': teach it in tests/simulation/redis.lua', 0)
  elseif not ok then
    return false, type(found) == 'table' and found.err or tostring(found)
  elseif type(found) ~= 'table' then
    return found
  elseif found.ok then
    return found.ok
  end
  return true, unpack(found)
end

local function fresh()
  return {}
end

local function copy(value)
  if type(value) ~= 'table' then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = copy(item) end
  return out
end

local function execute(of, full, ...)
  data, dirty, scripted = of, false, false
  return reply(pcall(full and call_full or call, ...))
end

-- A range of entries in one list, without the lists in it: id, field, value by turns.
local function entries(of, ...)
  data = of
  local out, n = {}, 0
  for _, entry in ipairs(C.XRANGE(...)) do
    out[n + 1], out[n + 2], out[n + 3] = entry[1], entry[2][1], entry[2][2]
    n = n + 3
  end
  return true, unpack(out)
end

local function run(of, full, script, n_keys, ...)
  data, dirty, scripted = of, false, true
  redis.call = full and call_full or call
  KEYS, ARGV = { ... }, { select(n_keys + 1, ...) }
  for i = #KEYS, n_keys + 1, -1 do KEYS[i] = nil end
  return reply(pcall(script))
end

return fresh, copy, execute, entries, run, published, listening
