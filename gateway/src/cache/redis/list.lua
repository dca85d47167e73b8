-- Changes a list and keeps it alive. KEYS: the list. ARGV: ttl ms, then pairs of a moment (or '-': out of it) and an id.
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) end
for at = 2, #ARGV, 2 do
    if ARGV[at] == '-' then
        redis.call('ZREM', KEYS[1], ARGV[at + 1])
    else
        redis.call('ZADD', KEYS[1], ARGV[at], ARGV[at + 1])
    end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])
