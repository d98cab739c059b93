/** `algorithms/bucket.ts` in Lua. Part of `decide.lua.ts`, whose names it uses. */
export const BUCKET_LUA = `
local function units(amount, token) return ceil(amount * token) end
local function by_end(one, other)
  if one.til == other.til then return one.owner < other.owner end
  return one.til < other.til
end
local function held_by(state)
  local held = 0
  if state.leases then
    for _, lease in ipairs(state.leases) do held = held + lease.size end
  end
  return held
end
local function leak_until(state)
  if now < state.at then
    if state.leases then
      for _, lease in ipairs(state.leases) do lease.til = lease.til - (state.at - now) end
    end
    state.at = now
  end
  if not state.leases then
    state.owed = max(0, state.owed - (now - state.at) * state.leak)
    state.at = now
    return
  end
  local held = held_by(state) * state.token
  while state.leases[1] and state.leases[1].til <= now do
    local first = table.remove(state.leases, 1)
    local ended = max(state.at, first.til)
    state.owed = max(held, state.owed - (ended - state.at) * state.leak)
    state.at = ended
    held = held - first.size * state.token
  end
  if not state.leases[1] then state.leases = nil end
  state.owed = max(held, state.owed - (now - state.at) * state.leak)
  state.at = now
end
local function until_owed(state, rule, target)
  if not state.leases then return ceil(max(0, state.owed - target) / (rule[2] * 1000)) end
  local at, owed, held = state.at, state.owed, held_by(state) * rule[3]
  for _, lease in ipairs(state.leases) do
    if held <= target and at + ceil((owed - target) / rule[2]) <= lease.til then break end
    local ended = max(at, lease.til)
    owed = max(held, owed - (ended - at) * rule[2])
    at = ended
    held = held - lease.size * rule[3]
  end
  return ceil((at - state.at + ceil(max(0, owed - target) / rule[2])) / 1000)
end
function bucket.settle(state, rule)
  if not state then return { kind = 0, at = now, owed = 0, leak = rule[2], token = rule[3], rule = rule } end
  leak_until(state)
  if state.token ~= rule[3] then state.owed = ceil(state.owed * rule[3] / state.token) end
  state.leak, state.token = rule[2], rule[3]
  return state
end
function bucket.take(state, rule, amount)
  local owed = state.owed + units(amount, rule[3])
  if owed > rule[4] then return false end
  state.owed = owed
  return true
end
function bucket.wait(state, rule, amount)
  local target = rule[4] - units(amount, rule[3])
  if target < 0 then return -1 end
  if state.owed <= target then return 0 end
  return until_owed(state, rule, target)
end
function bucket.refund(state, rule, amount)
  state.owed = max(held_by(state) * rule[3], state.owed - units(amount, rule[3]))
end
function bucket.standing(state, rule)
  local reset = 0
  if state.owed ~= 0 then reset = until_owed(state, rule, 0) end
  return max(0, floor((rule[4] - state.owed) / rule[3])), reset
end
function bucket.copy(state)
  local leases = state.leases and {}
  for i, l in ipairs(state.leases or {}) do leases[i] = { owner = l.owner, seq = l.seq, size = l.size, til = l.til } end
  return { kind = 0, at = state.at, owed = state.owed, leak = state.leak, token = state.token, leases = leases }
end
function bucket.draw(state, rule, amount, seq, held_seq, rest)
  for at, former in ipairs(state.leases or {}) do
    if former.owner == owner then
      if former.seq >= seq then return 0 end
      table.remove(state.leases, at)
      if not state.leases[1] then state.leases = nil end
      local unspent = 0
      if former.seq == held_seq then unspent = min(rest, former.size)
      elseif former.seq > held_seq then unspent = former.size end
      state.owed = max(held_by(state) * rule[3], state.owed - floor(unspent * rule[3]))
      break
    end
  end
  local granted = min(floor(amount), max(0, floor((rule[4] - state.owed) / rule[3])))
  if granted == 0 then return 0 end
  state.owed = state.owed + granted * rule[3]
  state.leases = state.leases or {}
  table.insert(state.leases, { owner = owner, seq = seq, size = granted, til = now + rule[5] })
  table.sort(state.leases, by_end)
  return granted
end
function bucket.text(state, rule)
  local tail = rule.tail
  if state.leak ~= rule[2] or state.token ~= rule[3] then tail = tail_of(state.leak, state.token) end
  local text = 'b ' .. now_text .. ' ' .. whole(state.owed) .. tail
  if not state.leases then return text end
  local words = { text }
  for _, l in ipairs(state.leases) do
    for _, word in ipairs({ l.owner, whole(l.seq), whole(l.size), whole(l.til) }) do words[#words + 1] = word end
  end
  return table.concat(words, ' ')
end
`;
