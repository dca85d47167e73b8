-- What is there, how long ago it was written, and the stamp beside it. What is not a text is nothing.
-- KEYS: the entry, its stamp.
local function text(key)
    local read = redis.pcall('GET', key)
    if type(read) == 'string' then return read end
    return false
end
local time = redis.call('TIME')
return { text(KEYS[1]), text(KEYS[2]), time[1] * 1000 + math.floor(time[2] / 1000) }
