/** Begins a script: `time` is the answer of TIME, and `now` the time of Redis in ms since 1970. */
export const readTime = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`
