import { defineScript, type ScriptReply } from '@infra-kit/cache';

/**
 * One text holds the views of all instances, a line each: breaker, instance, end (epoch ms by the server's clock).
 * KEYS: the text. ARGV: this instance, how long its view holds in ms, then the breakers it sees failing.
 * Takes its old lines and those that have ended out, puts its new ones in, and answers the text. One step, a key with a ttl.
 */
const LUA = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lines = {}
for breaker, instance, ends in string.gmatch(redis.call('GET', KEYS[1]) or '', '(%S+) (%S+) (%d+)') do
  if tonumber(ends) > now and instance ~= ARGV[1] then
    lines[#lines + 1] = breaker .. ' ' .. instance .. ' ' .. ends
  end
end
for index = 3, #ARGV do
  lines[#lines + 1] = ARGV[index] .. ' ' .. ARGV[1] .. ' ' .. string.format('%.0f', now + ARGV[2])
end
local text = table.concat(lines, '\\n')
if text == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], text, 'PX', ARGV[2])
end
return text
`;

/** How many instances see each breaker failing. */
function countsOf(reply: ScriptReply): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of String(reply).split('\n').filter(Boolean)) {
    const name = decodeURIComponent(line.split(' ', 1)[0] ?? '');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

export const exchangeViews = defineScript({
  name: 'breaker.exchange-views',
  lua: LUA,
  twin: (view, [key = ''], [self = '', ttlMs = '', ...failing]) => {
    const now = Math.floor(view.nowUs() / 1000);
    const others = (view.get(key) ?? '').split('\n').filter((line) => {
      const [, instance, ends] = line.split(' ');
      return Number(ends) > now && instance !== self;
    });
    const own = failing.map((breaker) => `${breaker} ${self} ${now + Number(ttlMs)}`);
    const text = [...others, ...own].join('\n');
    if (text === '') view.delete(key);
    else view.set(key, text, { ttlMs: Number(ttlMs) });
    return text;
  },
  decode: countsOf,
});

/** Names as the script takes them: without spaces and line ends; half a surrogate pair, which no text can carry, replaced. */
export const encodeName = (name: string): string => encodeURIComponent(name.toWellFormed());
