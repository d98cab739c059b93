/**
 * `algorithms/` in Lua, function by function; read it beside them. All groups of a call are decided at one instant of the
 * server's clock, each for itself, on states that are read once and written once a key.
 * KEYS: one a check. ARGV: the rules and checks as JSON (`encodeCall`); the owner; an instant in µs, empty for TIME.
 */
export const DECIDE_LUA = `
local ceil, floor, max, min = math.ceil, math.floor, math.max, math.min
local input = cjson.decode(ARGV[1])
local rules, checks, owner = input[1], input[2], ARGV[2]
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local format, match = string.format, string.match
-- '%d' is twice as fast as '%.0f', and right while a number is exact
local function whole(n)
  if n < 9007199254740992 and n > -9007199254740992 then return format('%d', n) end
  return format('%.0f', n)
end

local bucket, window, slots = {}, {}, {}
local algorithms = { [0] = bucket, window, slots }

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
local now_text = whole(now)
local function tail_of(leak, token) return ' ' .. whole(leak) .. ' ' .. whole(token) end
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

local shapes = { b = { 4, 4 }, w = { 4, 0 }, s = { 0, 2 } }
local function parse(text, rule)
  if not text then return nil end
  local at, owed, tail = match(text, '^b (%d+) (%d+)( %d+ %d+)$')
  if tail == rule.tail then return { kind = 0, at = at + 0, owed = owed + 0, leak = rule[2], token = rule[3], rule = rule } end
  local words = {}
  for word in string.gmatch(text .. ' ', '(.-) ') do words[#words + 1] = word end
  local shape = shapes[words[1]]
  if not shape then return nil end
  local fixed, item = shape[1], shape[2]
  local further = #words - 1 - fixed
  if further < 0 or (item == 0 and further > 0) or (item > 0 and further % item ~= 0) then return nil end
  for i = 2, #words do
    local place = i - 2 - fixed
    local is_name = place >= 0 and place % item == 0
    if not is_name and not string.find(words[i], '^%-?%d+$') then return nil end
  end
  local function number(i) return tonumber(words[i]) end
  if words[1] == 'w' then
    return { kind = 1, start = number(2), length = number(3), before = number(4), count = number(5) }
  elseif words[1] == 's' then
    local held = {}
    for i = 2, #words, 2 do held[#held + 1] = { id = words[i], til = number(i + 1) } end
    return { kind = 2, held = held }
  end
  local leases = #words > 5 and {} or nil
  for i = 6, #words, 4 do
    leases[#leases + 1] = { owner = words[i], seq = number(i + 1), size = number(i + 2), til = number(i + 3) }
  end
  return { kind = 0, at = number(2), owed = number(3), leak = number(4), token = number(5), leases = leases }
end

for _, rule in ipairs(rules) do rule.tail = tail_of(rule[2], rule[3]) end
local texts = redis.call('MGET', unpack(KEYS))
local known, ttls = {}, {}
local function read(i, rule)
  local key = KEYS[i]
  local state = known[key]
  if state == nil then
    state = parse(texts[i], rule) or false
    known[key] = state
  end
  return state or nil
end
local function write(key, state, rule, ttl)
  known[key] = state or false
  ttls[key] = ttl
  if state then state.rule = rule end
end
local function settle(state, rule)
  if state and state.kind ~= rule[1] then state = nil end
  return algorithms[rule[1]].settle(state, rule)
end

-- three numbers a check: what remains (below 0: refused), ms until all is back, ms to wait or tokens drawn
local reply, size = {}, 0
local function answer(ok, remaining, reset, wait, granted)
  reply[size + 1] = ok and remaining or -1 - remaining
  reply[size + 2] = reset
  reply[size + 3] = ok and granted or wait
  size = size + 3
end

local function single(i, op, rule, amount, seq, held_seq, rest)
  local algorithm, key = algorithms[rule[1]], KEYS[i]
  local state = settle(read(i, rule), rule)
  local ok, wait, granted = true, 0, 0
  if op == 0 then
    ok = algorithm.take(state, rule, amount, seq)
    if not ok then wait = algorithm.wait(state, rule, amount) end
  elseif op == 1 then
    wait = algorithm.wait(state, rule, amount)
    ok = wait == 0
  elseif op == 2 then
    algorithm.refund(state, rule, amount)
  elseif op == 3 then
    write(key, nil, rule, 0)
    state = settle(nil, rule)
  elseif op == 4 and rule[1] == 0 then
    granted = bucket.draw(state, rule, amount, seq, held_seq, rest)
    ok = granted > 0
    if not ok then wait = bucket.wait(state, rule, 1) end
  elseif op == 5 and rule[1] == 2 then
    ok = slots.renew(state, rule, amount, seq)
  elseif op == 6 and rule[1] == 2 then
    slots.release(state, seq)
  end
  local remaining, reset = algorithm.standing(state, rule)
  if op ~= 1 and op ~= 3 then write(key, state, rule, reset) end
  answer(ok, remaining, reset, wait, granted)
end

local function together(first, group)
  local states, refused = {}, false
  for n, check in ipairs(group) do
    local rule, key = check.rule, KEYS[first + n - 1]
    local algorithm = algorithms[rule[1]]
    local state = settle(states[key] or read(first + n - 1, rule), rule)
    states[key] = state
    local copy = algorithm.copy(state)
    if check.op == 1 then check.ok = algorithm.wait(copy, rule, check.amount) == 0
    else check.ok = algorithm.take(copy, rule, check.amount, check.seq) end
    if not check.ok then check.wait = algorithm.wait(state, rule, check.amount) end
    if check.ok and check.op == 0 then states[key] = copy end
    if not check.ok and rule[6] == 0 then refused = true end
  end
  if refused then states = {} end
  for n, check in ipairs(group) do
    if not refused and check.op == 0 then
      local key, rule = KEYS[first + n - 1], check.rule
      local state = settle(states[key], rule)
      local _, reset = algorithms[rule[1]].standing(state, rule)
      write(key, state, rule, reset)
    end
  end
  for n, check in ipairs(group) do
    local key, rule = KEYS[first + n - 1], check.rule
    local state = settle(states[key] or read(first + n - 1, rule), rule)
    states[key] = state
    local remaining, reset = algorithms[rule[1]].standing(state, rule)
    answer(check.ok, remaining, reset, check.wait, 0)
  end
end

-- a check: op, 8 for the last of its group, 16 for three more numbers, 32 a rule; the amount; then seq, held_seq, rest
local at, group = 1, nil
for i = 1, #KEYS do
  local head, amount, seq, held_seq, rest = checks[at], checks[at + 1], 0, 0, 0
  local op, rule, is_last = head % 8, rules[floor(head / 32)], head % 16 >= 8
  at = at + 2
  if head % 32 >= 16 then
    seq, held_seq, rest = checks[at], checks[at + 1], checks[at + 2]
    at = at + 3
  end
  if is_last and not group then
    single(i, op, rule, amount, seq, held_seq, rest)
  else
    group = group or { first = i }
    group[#group + 1] = { op = op, rule = rule, amount = amount, seq = seq, wait = 0 }
    if is_last then
      together(group.first, group)
      group = nil
    end
  end
end

local px = {}
for key, ttl in pairs(ttls) do
  local state = known[key]
  if state and ttl > 0 then
    -- numbers as arguments of a command are slow to become texts
    local text = px[ttl]
    if not text then
      text = whole(ttl + 1000)
      px[ttl] = text
    end
    redis.call('SET', key, algorithms[state.kind].text(state, state.rule), 'PX', text)
  else
    redis.call('DEL', key)
  end
end
return reply
`;
