-- append.lua: the only way anything durable happens in a chat or a store. Takes a whole batch; each append happens wholly or not at all.
--
-- KEYS, for each store: head, log, ids of this bucket, of the one before, of the one after, roster, away, arrivals, cursors, queue,
--   list of waiting, list of claimed, list of closed, channel of the store, channel about the store; then for each run: chat, history,
--   channel of the chat (runs of a chat only); then for each append: one key for each condition (owned set, roster, arrivals, the chat or the profile), for each status the owned
--   sets of the owner it had and of the one it gets, as far as there are such, for each context its key, and for each profile its.
-- ARGV[1] stores (int), [2] entries a log keeps (int), [3] entries a history keeps (int), [4] how long ids are remembered (ms, int),
--   [5] the node ('' = nothing is published), [6] the channel that every node follows, [7] the one that this node alone follows,
--   [8] 1 = what would be published is given back (0|1).
--   For each store: runs (int), ids (int), the ids (bytes).
--   For each run: user ('' = the store itself), its "store","user" fields (JSON), appends (int).
--   For each append: id ('' = none), content (6 bytes), remember the id (0|1), epoch (int), owner, answer (JSON), nonce (4 bytes),
--     keys (int) and arguments (int) that follow, conditions (int), events (int);
--     for each condition: B load below N | L load at least N | R on the roster, name | N not on the roster, name |
--       V arrivals are N, name | E the chat's end of epoch N was not rated | P the profile's version is N: a letter, a number or '', a name or '';
--     for each event: m side (u|a) at user's-name ('' = none) tail | n tail
--       | r tail | s epoch status owner owner-JSON at had-owner (0|1) gets-owner (0|1) tail
--       | k side (u|s) mark (received|read) seq | A agent name at | L agent | V agent away (0|1) | C agent offset
--       | X at context (JSON) | P version profile (JSON).
-- Returns for each append four values: 1 seq offset previous: it happened | 2 record 0 0: it had happened before
--   | 3 0 0 0: the id was used for something else | 4 chat 0 0: the fence does not hold (the chat as HGETALL)
--   | 5 index value 0: condition `index` does not hold | 6 0 0 0: an earlier append of the chat did not happen
--   | 7 reason 0 0: it cannot be carried out. Behind them, where ARGV[8] is 1, channel and message of all that is to be published.
-- A record is content, nonce, then "SEQ OFFSET PREVIOUS ", then the answer.
-- Published, where any other node listens, once for each store and each chat of a batch: "NODE log PREVIOUS MOVES", then lines of
--   OFFSET:LENGTH, of USER:SIDE:RECEIVED:READ, and the frames joined by commas (a note has length 0 for its chat's user); and about
--   the store "NODE about WHAT": q the queue may have changed, s so did its roster, arrivals or who is away, c so did its profile.

local call, match, sub = redis.call, string.match, string.sub
local ki, ai = 0, 8
local log_limit, history_limit, remember_ms = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local out, n_out = {}, 0
local LISTS = { waiting = 11, claimed = 12, closed = 13 }
local LIVE, ABOUT = 14, 15

-- The store at hand, then the chat at hand. Declared once: a local of a loop that a function sees costs an allocation each round.
local base, head, log, offset
local user, about, chat, history, changed, relisted
local epoch, owner, status, at, seq, from_user, last, after_last
local user_received, user_read, store_read, rated
-- The append at hand: whether it wrote yet, whether it is a message, the number it answers with. And whether anything was written at all.
local wrote, with_seq, number
local written = false
-- What others are told of the store and of the chat at hand: numbers with lengths, frames, marks.
local speaks = false
local numbers, frames, marks, chat_numbers, chat_frames, chat_marks
local held = {}
local about_queue, about_state, about_profile
-- What a key can be tried with, by the letter that follows its store: an owned set, a context, the profile.
local TRIES = { o = 'SCARD', x = 'STRLEN', p = 'HLEN' }

-- The sentence of an error: Lua's own are strings, the server's are tables.
local function reason(failure)
  return type(failure) == 'table' and failure.err or tostring(failure)
end

-- Why a key cannot be used, if it cannot. Keys are tried before anything is written, so that nothing fails half way.
local function why_not(command, key)
  local ok, failure = pcall(call, command, key)
  return not ok and reason(failure)
end

local function answer(code, a, b, c)
  out[n_out + 1], out[n_out + 2], out[n_out + 3], out[n_out + 4] = code, a, b, c
  n_out = n_out + 4
end

-- Whether a condition holds, and what the truth is.
local function holds(op, limit, name, key)
  if op == 'B' or op == 'L' then
    local load = call('SCARD', key)
    return (op == 'B') == (load < tonumber(limit)), load
  elseif op == 'V' then
    local arrivals = tonumber(call('HGET', key, name) or '0')
    return arrivals == tonumber(limit), arrivals
  elseif op == 'E' then
    return rated ~= tonumber(limit), rated
  elseif op == 'P' then
    local version = tonumber(call('HGET', key, 've') or '0')
    return version == tonumber(limit), version
  end
  local entry = call('HGET', key, name)
  return (op == 'R') == (entry and true or false), entry
end

-- How many messages up to a number are the user's. Where the message is no longer kept, all that went with it count as its like.
local function from_user_at(to)
  if to >= seq then return from_user end
  local entry = call('LINDEX', history, first_at(history, call('LLEN', history), 2, to))
  if not entry then return math.min(from_user, to) end
  local kind, found, _, count, frame = match(entry, ENTRY)
  count = tonumber(count)
  -- The first that is kept lies above: it is not among them.
  if kind == 'm' and tonumber(found) > to and match(frame, '"from":{"role":"(%a+)"') == 'user' then count = count - 1 end
  return math.min(count, to)
end

-- Loads the chat of a run. Returns why it cannot be used, if it cannot.
local function load_chat()
  local ok, got = pcall(call, 'HMGET', chat, 'ep', 'ow', 'sq', 'fu', 'of', 'al', 'st', 'at', 'ur', 'ud', 'sd', 'ra')
  if not ok then return reason(got) end
  epoch, owner, status, at = got[1] or '0', got[2] or '', got[7], got[8] or '0'
  seq, from_user, last, after_last = tonumber(got[3] or '0'), tonumber(got[4] or '0'), tonumber(got[5] or '0'), tonumber(got[6] or '0')
  user_received, user_read, store_read = tonumber(got[9] or '0'), tonumber(got[10] or '0'), tonumber(got[11] or '0')
  rated = tonumber(got[12] or '0')
  return why_not('LLEN', history)
end

local collect_marks

local function flush()
  if speaks then collect_marks() end
  local fields, n = {}, 0
  for field, value in pairs(changed) do
    fields[n + 1], fields[n + 2] = field, value
    n = n + 2
  end
  if n > 0 then
    call('HSET', chat, unpack(fields))
    changed = {}
  end
end

-- Adds a frame to the store's log and an entry to the chat's history.
local function keep(kind, frame)
  call('XADD', log, 'MAXLEN', '~', log_limit, offset .. '-0', 'f', frame)
  wrote = true
  if speaks then
    local number = offset .. ':' .. #frame
    numbers[#numbers + 1], frames[#frames + 1] = number, frame
    if kind == 'n' then
      chat_numbers[#chat_numbers + 1] = offset .. ':0'
    else
      chat_numbers[#chat_numbers + 1], chat_frames[#chat_frames + 1] = number, frame
    end
  end
  if call('RPUSH', history, kind .. ' ' .. seq .. ' ' .. offset .. ' ' .. from_user .. ' ' .. frame) > history_limit then
    call('LTRIM', history, -history_limit, -1)
  end
  last = offset
  changed.of = offset
end

local function add_message()
  local side, name = ARGV[ai + 2], ARGV[ai + 4]
  at, seq, offset = ARGV[ai + 3], seq + 1, offset + 1
  if side == 'u' then from_user = from_user + 1 end
  keep('m', '{"type":"message",' .. about .. ',"seq":' .. seq .. ',"offset":' .. offset .. ',' .. ARGV[ai + 5])
  if name ~= '' then changed.un = name end
  changed.sq, changed.fu, changed.at, changed.al = seq, from_user, at, 0
  after_last, relisted, with_seq, number = 0, true, true, seq
  ai = ai + 5
end

-- A note or a status: what stands behind the last message.
local function add_behind(kind, type, tail)
  offset, after_last = offset + 1, after_last + 1
  keep(kind, '{"type":"' .. type .. '",' .. about .. ',"offset":' .. offset .. ',' .. tail)
  changed.al = after_last
end

local function add_note()
  add_behind('n', 'note', ARGV[ai + 2])
  ai = ai + 2
end

local function add_rating()
  add_note()
  rated, changed.ra = tonumber(epoch), epoch
end

local function change_status()
  if ARGV[ai + 7] == '1' then
    ki = ki + 1
    call('SREM', KEYS[ki], user)
    wrote = true
  end
  if ARGV[ai + 8] == '1' then
    ki = ki + 1
    call('SADD', KEYS[ki], user)
    wrote = true
  end
  if ARGV[ai + 3] == 'waiting' then
    call('ZADD', KEYS[base + 10], ARGV[ai + 6], user)
  else
    call('ZREM', KEYS[base + 10], user)
  end
  wrote, relisted, about_queue = true, true, true
  epoch, status, owner = ARGV[ai + 2], ARGV[ai + 3], ARGV[ai + 4]
  changed.ep, changed.st, changed.ow, changed.on, changed.si = epoch, status, owner, ARGV[ai + 5], ARGV[ai + 6]
  add_behind('s', 'status', ARGV[ai + 9])
  ai = ai + 9
end

local function move_mark()
  local side, mark, to = ARGV[ai + 2], ARGV[ai + 3], math.min(tonumber(ARGV[ai + 4]), seq)
  ai = ai + 4
  if mark == 'received' then
    if to > user_received then user_received, changed.ur = to, to end
  elseif side == 'u' then
    if to > user_read then user_read, changed.ud, changed.uf = to, to, from_user_at(to) end
  elseif to > store_read then
    store_read, changed.sd, changed.sf = to, to, from_user_at(to)
  end
end

local function let_arrive()
  call('HSETNX', head, 'bo', ARGV[ai + 4])
  wrote = true
  call('HSET', KEYS[base + 6], ARGV[ai + 2], ARGV[ai + 3])
  number = call('HINCRBY', KEYS[base + 8], ARGV[ai + 2], 1)
  about_state = true
  ai = ai + 4
end

local function let_leave()
  call('HDEL', KEYS[base + 6], ARGV[ai + 2])
  wrote, about_state = true, true
  ai = ai + 2
end

local function set_availability()
  call(ARGV[ai + 3] == '1' and 'SADD' or 'SREM', KEYS[base + 7], ARGV[ai + 2])
  wrote, about_state = true, true
  ai = ai + 3
end

local function move_cursor()
  local held = tonumber(call('HGET', KEYS[base + 9], ARGV[ai + 2]) or '-1')
  local to = math.min(tonumber(ARGV[ai + 3]), offset)
  if to > held then
    call('HSET', KEYS[base + 9], ARGV[ai + 2], to)
    wrote = true
  end
  ai = ai + 3
end

local function tell_context()
  ki = ki + 1
  call('SET', KEYS[ki], ARGV[ai + 2] .. ' ' .. ARGV[ai + 3])
  wrote = true
  ai = ai + 3
end

local function set_profile()
  ki = ki + 1
  call('HSET', KEYS[ki], 've', ARGV[ai + 2], 'is', ARGV[ai + 3])
  wrote, about_profile = true, true
  ai = ai + 3
end

local EVENTS = {
  m = add_message, n = add_note, r = add_rating, s = change_status, k = move_mark,
  A = let_arrive, L = let_leave, V = set_availability, C = move_cursor,
  X = tell_context, P = set_profile,
}

local function carry_out(n_events)
  for _ = 1, n_events do EVENTS[ARGV[ai + 1]]() end
end

-- Nobody is told who is not there, and nobody may be unable to tell: a server may forbid channels.
local function publish(channel, message)
  if ARGV[8] == '1' then
    held[#held + 1], held[#held + 2] = channel, message
  else
    pcall(call, 'SPUBLISH', channel, message)
  end
end

local function told_of(previous, moves, some_numbers, some_marks, some_frames)
  return ARGV[5] .. ' log ' .. previous .. ' ' .. moves .. '\n' .. table.concat(some_numbers, ' ') .. '\n' .. table.concat(some_marks, ' ')
    .. '\n' .. table.concat(some_frames, ',')
end

function collect_marks()
  if changed.ur or changed.ud then chat_marks[1] = user .. ':user:' .. user_received .. ':' .. user_read end
  if changed.sd then chat_marks[#chat_marks + 1] = user .. ':store:0:' .. store_read end
end

if ARGV[5] ~= '' then
  local ok, there = pcall(call, 'PUBSUB', 'NUMSUB', ARGV[6], ARGV[7])
  speaks = ok and there[2] > there[4]
end

for _ = 1, tonumber(ARGV[1]) do
  base = ki
  head, log = KEYS[base + 1], KEYS[base + 2]
  ki = ki + 15
  local runs, n_ids = tonumber(ARGV[ai + 1]), tonumber(ARGV[ai + 2])
  ai = ai + 2
  local known, fresh, n_fresh = {}, {}, 0
  if n_ids > 0 then
    for bucket = 3, 5 do
      if bucket == 3 or call('EXISTS', KEYS[base + bucket]) == 1 then
        local found = call('HMGET', KEYS[base + bucket], unpack(ARGV, ai + 1, ai + n_ids))
        for i = 1, n_ids do
          if found[i] then known[ARGV[ai + i]] = found[i] end
        end
      end
    end
    ai = ai + n_ids
  end
  local first_offset = tonumber(call('HGET', head, 'of') or '0')
  offset = first_offset
  if speaks then numbers, frames, marks = {}, {}, {} end
  about_queue, about_state, about_profile = false, false, false

  for _ = 1, runs do
    local appends = tonumber(ARGV[ai + 3])
    user, about = ARGV[ai + 1], ARGV[ai + 2]
    ai = ai + 3
    changed, relisted = {}, false
    epoch, owner, status, at, seq, from_user, last, after_last = '0', '', false, '0', 0, 0, 0, 0
    -- broken: true once an append of the chat did not happen, a sentence if the chat cannot be used.
    local broken = false
    if user ~= '' then
      chat, history = KEYS[ki + 1], KEYS[ki + 2]
      ki = ki + 3
      broken = load_chat()
    end
    local was, first_last, channel = status, last, KEYS[ki]
    if speaks then chat_numbers, chat_frames, chat_marks = {}, {}, {} end

    for _ = 1, appends do
      local id, content, asked_epoch, asked_owner = ARGV[ai + 1], ARGV[ai + 2], ARGV[ai + 4], ARGV[ai + 5]
      local remember, reply = ARGV[ai + 3], ARGV[ai + 6]
      local nonce = ARGV[ai + 7]
      local next_ki, next_ai = ki + tonumber(ARGV[ai + 8]), ai + 11 + tonumber(ARGV[ai + 9])
      local n_conditions, n_events = tonumber(ARGV[ai + 10]), tonumber(ARGV[ai + 11])
      ai = ai + 11
      local record = id ~= '' and known[id]

      if record then
        if sub(record, 1, 6) == content then answer(2, record, 0, 0) else answer(3, 0, 0, 0) end
      elseif type(broken) == 'string' then
        answer(7, broken, 0, 0)
      elseif broken then
        answer(6, 0, 0, 0)
      elseif user ~= '' and (epoch ~= asked_epoch or owner ~= asked_owner) then
        broken = true
        flush()
        answer(4, call('HGETALL', chat), 0, 0)
      else
        local unmet, truth = false, false
        for i = ki + 1, next_ki do
          if KEYS[i] ~= KEYS[base + 6] and KEYS[i] ~= KEYS[base + 8] and KEYS[i] ~= chat then
            broken = broken or why_not(TRIES[match(KEYS[i], '}:(%a)')], KEYS[i])
          end
        end
        for i = 1, broken and 0 or n_conditions do
          ki = ki + 1
          local ok, value = holds(ARGV[ai + 1], ARGV[ai + 2], ARGV[ai + 3], KEYS[ki])
          ai = ai + 3
          if not ok and not unmet then unmet, truth = i, value end
        end
        if broken then
          answer(7, broken, 0, 0)
        elseif unmet then
          -- What concerns a store as a whole rests on nothing of what another has asked.
          broken = user ~= ''
          answer(5, unmet - 1, truth or false, 0)
        else
          local previous, b_seq, b_offset, b_from_user, b_at, b_after_last = last, seq, offset, from_user, at, after_last
          wrote, with_seq, number = false, false, seq
          local ok, failure = pcall(carry_out, n_events)
          written = written or wrote
          if ok then
            answer(1, number, last, previous)
            if remember == '1' then
              local kept = content .. nonce .. number .. ' ' .. last .. ' ' .. previous .. ' ' .. (with_seq and '"seq":' .. number .. ',' or '') .. reply
              known[id] = kept
              fresh[n_fresh + 1], fresh[n_fresh + 2] = id, kept
              n_fresh = n_fresh + 2
            end
          else
            -- The server refuses the first write or none (OOM, READONLY, MISCONF): then nothing of the batch has happened, and it says so.
            if not written then error(failure) end
            -- Where this one wrote nothing, its numbers are free again. Half done, which the checks above prevent, they stay used.
            if not wrote then seq, offset, from_user, at, after_last = b_seq, b_offset, b_from_user, b_at, b_after_last end
            broken = reason(failure)
            answer(7, broken, 0, 0)
          end
        end
      end
      ki, ai = next_ki, next_ai
    end

    flush()
    if relisted and status then
      if was and was ~= status then call('ZREM', KEYS[base + LISTS[was]], user) end
      call('ZADD', KEYS[base + LISTS[status]], '-' .. at, user)
    end
    if speaks and (#chat_numbers > 0 or #chat_marks > 0) then
      publish(channel, told_of(first_last, 0, chat_numbers, chat_marks, chat_frames))
      for _, mark in ipairs(chat_marks) do marks[#marks + 1] = mark end
    end
  end

  for i = 1, n_fresh, 1000 do
    call('HSET', KEYS[base + 3], unpack(fresh, i, math.min(i + 999, n_fresh)))
  end
  if n_fresh > 0 then call('PEXPIRE', KEYS[base + 3], remember_ms) end
  if offset > first_offset then call('HSET', head, 'of', offset) end
  if speaks then
    local moves = #marks > 0 and call('HINCRBY', head, 'mk', #marks) or 0
    if #numbers > 0 or moves > 0 then publish(KEYS[base + LIVE], told_of(first_offset, moves, numbers, marks, frames)) end
    local what = (about_queue and 'q' or '') .. (about_state and 's' or '') .. (about_profile and 'c' or '')
    if what ~= '' then
      call('HINCRBY', head, 'ab', 1)
      publish(KEYS[base + ABOUT], ARGV[5] .. ' about ' .. what)
    end
  end
end
for i = 1, #held do out[n_out + i] = held[i] end
return out
