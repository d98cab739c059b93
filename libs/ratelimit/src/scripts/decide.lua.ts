import { BUCKET_LUA } from './bucket.lua.js';
import { PLAIN_TAKES_LUA } from './plain-takes.lua.js';
import { SLOTS_LUA } from './slots.lua.js';
import { WINDOW_LUA } from './window.lua.js';

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
local now_text = whole(now)
local function tail_of(leak, token) return ' ' .. whole(leak) .. ' ' .. whole(token) end
for _, rule in ipairs(rules) do rule.tail = tail_of(rule[2], rule[3]) end
-- as many as the stack of Lua takes at once
local most, texts = 4000, {}
if #KEYS <= most then texts = redis.call('MGET', unpack(KEYS))
else
  for from = 1, #KEYS, most do
    local part = redis.call('MGET', unpack(KEYS, from, math.min(from + most - 1, #KEYS)))
    for i, text in ipairs(part) do texts[from + i - 1] = text end
  end
end
local px = {}
local function store(key, text, ttl)
  if ttl <= 0 then return redis.call('DEL', key) end
  -- numbers as arguments of a command are slow to become texts
  local ms = px[ttl]
  if not ms then
    ms = whole(ttl + 1000)
    px[ttl] = ms
  end
  redis.call('SET', key, text, 'PX', ms)
end
${PLAIN_TAKES_LUA}
local plain = plain_takes()
if plain then return plain end

local bucket, window, slots = {}, {}, {}
local algorithms = { [0] = bucket, window, slots }
${BUCKET_LUA}${WINDOW_LUA}${SLOTS_LUA}
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
  local found = read(i, rule)
  if op == 1 and found then found = algorithms[found.kind].copy(found) end
  local state = settle(found, rule)
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
  local states, before, taken, refused = {}, {}, {}, false
  for n, check in ipairs(group) do
    local rule, key = check.rule, KEYS[first + n - 1]
    local algorithm = algorithms[rule[1]]
    local state = settle(states[key] or read(first + n - 1, rule), rule)
    states[key] = state
    local copy = algorithm.copy(state)
    if check.op == 1 then check.ok = algorithm.wait(copy, rule, check.amount) == 0
    else check.ok = algorithm.take(copy, rule, check.amount, check.seq) end
    before[key] = before[key] or state
    local sum = (taken[key] or 0) + check.amount
    if check.ok and check.op == 0 then
      states[key] = copy
      taken[key] = sum
    elseif not check.ok then
      check.wait = algorithm.wait(settle(algorithm.copy(before[key]), rule), rule, sum)
    end
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

for key, ttl in pairs(ttls) do
  local state = known[key]
  if state then store(key, algorithms[state.kind].text(state, state.rule), ttl) else redis.call('DEL', key) end
end
return reply
`;
