/** `algorithms/slots.ts` in Lua. Part of `decide.lua.ts`, whose names it uses. */
export const SLOTS_LUA = `
local function id_of(seq)
  if seq == 0 then return '-' end
  return owner .. '.' .. whole(seq)
end
function slots.settle(state, rule)
  if not state then return { kind = 2, held = {} } end
  local held = {}
  for _, slot in ipairs(state.held) do
    if slot.til > now then held[#held + 1] = { id = slot.id, til = min(slot.til, now + rule[3]) } end
  end
  state.held = held
  return state
end
function slots.take(state, rule, amount, seq)
  local wanted = ceil(amount)
  if #state.held + wanted > rule[2] then return false end
  for _ = 1, wanted do state.held[#state.held + 1] = { id = id_of(seq), til = now + rule[3] } end
  return true
end
function slots.wait(state, rule, amount)
  local wanted = ceil(amount)
  if wanted > rule[2] then return -1 end
  local missing = #state.held + wanted - rule[2]
  if missing <= 0 then return 0 end
  local ends = {}
  for i, slot in ipairs(state.held) do ends[i] = slot.til end
  table.sort(ends)
  return min(1000, ceil(((ends[missing] or now) - now) / 1000))
end
local function keep(state, wanted)
  local held = {}
  for _, slot in ipairs(state.held) do if wanted(slot) then held[#held + 1] = slot end end
  state.held = held
end
function slots.refund(state, rule, amount)
  local left = ceil(amount)
  keep(state, function(slot)
    if slot.id ~= '-' or left == 0 then return true end
    left = left - 1
    return false
  end)
end
function slots.standing(state, rule)
  local last = now
  for _, slot in ipairs(state.held) do last = max(last, slot.til) end
  return max(0, rule[2] - #state.held), ceil((last - now) / 1000)
end
function slots.copy(state)
  local held = {}
  for i, slot in ipairs(state.held) do held[i] = { id = slot.id, til = slot.til } end
  return { kind = 2, held = held }
end
function slots.renew(state, rule, amount, seq)
  local found = false
  for _, slot in ipairs(state.held) do
    if slot.id == id_of(seq) then slot.til, found = now + rule[3], true end
  end
  return found or slots.take(state, rule, amount, seq)
end
function slots.release(state, seq)
  keep(state, function(slot) return slot.id ~= id_of(seq) end)
end
function slots.text(state)
  local words = { 's' }
  for _, slot in ipairs(state.held) do
    words[#words + 1] = slot.id
    words[#words + 1] = whole(slot.til)
  end
  return table.concat(words, ' ')
end
`;
