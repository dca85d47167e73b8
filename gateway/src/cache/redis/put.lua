-- Writes an entry unless what is known of its place is newer, or the place has changed since it was looked at.
-- A stamp is: changes, seq, moment, written at, good or outdated, tenant. It stays when the entry goes.
-- KEYS: the entry, its stamp.
-- ARGV: body, ttl ms, stamp's ttl ms, seq, moment ms, tenant, the lease or 'news', a number to start changes from.
local known = redis.pcall('GET', KEYS[2])
local changes, seq, moment, state, tenant
if type(known) == 'string' then
    changes, seq, moment, state, tenant = string.match(known, '^(%d+) (%d+) (%d+) %d+ (%l+) (%S+)$')
end
local news = ARGV[7] == 'news'
if not news and ARGV[7] ~= (changes or '0') then return 0 end
local left = redis.call('PTTL', KEYS[1])
local ahead = tonumber(ARGV[4]) - tonumber(seq or 0)
if tenant == ARGV[6] then
    if ahead < 0 or (news and ahead == 0 and left ~= -2) then return 0 end
elseif tenant and tonumber(ARGV[5]) < tonumber(moment) then
    return 0
end
local ttl = tonumber(ARGV[2])
if news and state == 'outdated' then
    -- News may be as old as what is out of date: they end when that would have.
    if left <= 0 then return 0 end
    ttl = math.min(ttl, left)
else
    state = 'good'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ttl)
local stamp = string.format('%.0f %s %s %.0f %s %s', (changes or ARGV[8]) + 1, ARGV[4], ARGV[5], now, state, ARGV[6])
redis.call('SET', KEYS[2], stamp, 'PX', ARGV[3])
return 1
