/**
 * What nearly every call is, by itself: takes from token buckets without leases, each alone. The same steps as in
 * `bucket.lua.ts` on plain numbers instead of tables, which halves the time Redis needs for a check. Answers nil, with
 * nothing written, where a call or a state is any other. Part of `decide.lua.ts`, whose names it uses.
 */
export const PLAIN_TAKES_LUA = `
local function plain_takes()
  local owed, tails, ttls, reply = {}, {}, {}, {}
  local head, leak, token, capacity, tail, pattern
  for i = 1, #KEYS do
    local key, amount = KEYS[i], checks[i + i]
    if checks[i + i - 1] ~= head then
      head = checks[i + i - 1]
      -- a TAKE, the last of its group, with no further numbers
      if head % 32 ~= 8 then return nil end
      local rule = rules[floor(head / 32)]
      if rule[1] ~= 0 then return nil end
      leak, token, capacity, tail = rule[2], rule[3], rule[4], rule.tail
      pattern = '^b (%d+) (%d+)' .. tail .. '$'
    end
    local sum = owed[key]
    if sum then
      if tails[key] ~= tail then return nil end
    else
      sum = 0
      if texts[i] then
        local at, before = match(texts[i], pattern)
        if not at then return nil end
        sum = before + 0
        if now > at + 0 then sum = max(0, sum - (now - at) * leak) end
      end
      tails[key] = tail
    end
    local units, wait = ceil(amount * token), nil
    if sum + units <= capacity then
      sum = sum + units
    elseif units > capacity then
      wait = -1
    else
      wait = ceil((sum + units - capacity) / (leak * 1000))
    end
    owed[key] = sum
    local remaining, n = max(0, floor((capacity - sum) / token)), 3 * i
    reply[n - 2] = wait and -1 - remaining or remaining
    reply[n - 1] = ceil(sum / (leak * 1000))
    reply[n] = wait or 0
    ttls[key] = reply[n - 1]
  end
  local start = 'b ' .. now_text .. ' '
  for key, sum in pairs(owed) do store(key, start .. whole(sum) .. tails[key], ttls[key]) end
  return reply
end
`;
