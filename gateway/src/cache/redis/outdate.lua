-- What the entry shows has changed: it ends soon, and only a load brings it back.
-- KEYS: the entry, its stamp. ARGV: ms the entry may stay, stamp's ttl ms, a number to start changes from.
local known = redis.pcall('GET', KEYS[2])
local changes, seq, moment, written, state, tenant
if type(known) == 'string' then
    changes, seq, moment, written, state, tenant = string.match(known, '^(%d+) (%d+) (%d+) (%d+) (%l+) (%S+)$')
end
local left = redis.call('PTTL', KEYS[1])
if ARGV[1] == '0' then
    redis.call('DEL', KEYS[1])
    seq, moment, tenant = '0', '0', '?'
elseif left == -1 or left > tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
if state ~= 'outdated' then
    local time = redis.call('TIME')
    written = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end
local stamp = string.format('%.0f %s %s %s outdated %s',
    (changes or ARGV[3]) + 1, seq or '0', moment or '0', written, tenant or '?')
redis.call('SET', KEYS[2], stamp, 'PX', ARGV[2])
return 1
