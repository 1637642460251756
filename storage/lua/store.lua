-- store.lua: a store as a whole.
--
-- KEYS[1] head, KEYS[2] roster, KEYS[3] away, KEYS[4] arrivals.
-- Returns: when the store came into being (false if it has not), the last offset (int), agent and name by turns, agents who are
-- away, agent and arrivals by turns.
return {
  redis.call('HGET', KEYS[1], 'bo'),
  tonumber(redis.call('HGET', KEYS[1], 'of') or '0'),
  redis.call('HGETALL', KEYS[2]),
  redis.call('SMEMBERS', KEYS[3]),
  redis.call('HGETALL', KEYS[4]),
}
