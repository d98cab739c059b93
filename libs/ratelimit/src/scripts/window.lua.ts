/** `algorithms/window.ts` in Lua. Part of `decide.lua.ts`, whose names it uses. */
export const WINDOW_LUA = `
local function thousandths(amount) return ceil(amount * 1000) end
local function start_of(ms, length) return floor(ms / length) * length end
local function weight(state, ms) return state.before * (state.length - (ms - state.start)) + state.count * state.length end
function window.settle(state, rule)
  local ms = floor(now / 1000)
  if not state then return { kind = 1, start = start_of(ms, rule[3]), length = rule[3], before = 0, count = 0 } end
  if ms < state.start then
    state.before, state.count = 0, state.count + state.before
  elseif ms >= state.start + 2 * state.length then
    state.before, state.count = 0, 0
  elseif ms >= state.start + state.length then
    state.before, state.count = state.count, 0
  end
  state.start = start_of(ms, state.length)
  if state.length ~= rule[3] then
    state.count = ceil(weight(state, ms) / state.length)
    state.before, state.length, state.start = 0, rule[3], start_of(ms, rule[3])
  end
  return state
end
function window.take(state, rule, amount)
  local wanted = thousandths(amount)
  if weight(state, floor(now / 1000)) + wanted * rule[3] > rule[2] * rule[3] then return false end
  state.count = state.count + wanted
  return true
end
function window.wait(state, rule, amount)
  local wanted, passed, length = thousandths(amount), floor(now / 1000) - state.start, rule[3]
  if wanted > rule[2] then return -1 end
  if weight(state, floor(now / 1000)) + wanted * length <= rule[2] * length then return 0 end
  local room = rule[2] - state.count - wanted
  if room >= 0 then return length - floor(room * length / state.before) - passed end
  return length - passed + max(0, length - floor((rule[2] - wanted) * length / state.count))
end
function window.refund(state, rule, amount)
  local given = thousandths(amount)
  local from_count = min(given, state.count)
  state.count = state.count - from_count
  state.before = max(0, state.before - (given - from_count))
end
function window.standing(state, rule)
  local ms = floor(now / 1000)
  local left, reset = state.start + rule[3] - ms, 0
  if state.count > 0 then reset = left + rule[3] elseif state.before > 0 then reset = left end
  return max(0, floor((rule[2] * rule[3] - weight(state, ms)) / rule[3] / 1000)), reset
end
function window.copy(state)
  return { kind = 1, start = state.start, length = state.length, before = state.before, count = state.count }
end
function window.text(state)
  return table.concat({ 'w', whole(state.start), whole(state.length), whole(state.before), whole(state.count) }, ' ')
end
`;
