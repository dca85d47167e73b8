-- A list takes the place of another; one that is empty was never made. KEYS: the list, the new one.
if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('RENAME', KEYS[2], KEYS[1])
else
    redis.call('DEL', KEYS[1])
end
return 1
