-- Forgets one page of what is ours. ARGV: where to go on, pattern. Returns where to go on next.
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
for _, key in ipairs(page[2]) do redis.call('DEL', key) end
return page[1]
