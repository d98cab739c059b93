import { defineScript, type ScriptReply, type ScriptTwin } from '../scripts/atomic-script.js';
import { bloomPositions, HEAD_BYTES, parseHead } from './bloom-filter.js';

const LAST_OF_HEAD = HEAD_BYTES - 1;
const HEAD_BITS = HEAD_BYTES * 8;

/** KEYS: the filter. ARGV: head, size in bytes. Replies 1 when it is new, the head of the one that is there, or null for something else. */
export const reserveBloom = defineScript<'new' | 'other' | { readonly head: string }>({
  name: 'bloom-reserve',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SETRANGE', KEYS[1], ARGV[2] - 1, '\\0')
  redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
  return 1
end
local head = redis.call('GETRANGE', KEYS[1], 0, ${LAST_OF_HEAD})
if string.match(head, '^bloom1 %d+ %d+ ') then return head end
return false`,
  twin: (view, [key = ''], [head = '', bytes]) => {
    if (!view.exists(key)) {
      view.setRange(key, Number(bytes) - 1, '\0');
      view.setRange(key, 0, head);
      return 1;
    }
    const present = view.getRange(key, 0, LAST_OF_HEAD);
    return parseHead(present) === undefined ? null : present;
  },
  decode: (reply) => (reply === 1 ? 'new' : typeof reply === 'string' ? { head: reply } : 'other'),
});

/** Goes through the positions of each digest in ARGV; `first` is an item's answer, `look` may change it. */
const eachPosition = (first: 0 | 1, look: string): string => `
local k, m = string.match(redis.call('GETRANGE', KEYS[1], 0, ${LAST_OF_HEAD}), '^bloom1 (%d+) (%d+) ')
if not k then return false end
local answers = {}
for item, digest in ipairs(ARGV) do
  local answer, block = ${first}, ''
  for i = 0, k - 1 do
    local part = i % 3
    if part == 0 then block = redis.sha1hex(digest .. (i / 3)) end
    local bit = ${HEAD_BITS} + tonumber(string.sub(block, part * 12 + 1, part * 12 + 12), 16) % m
    ${look}
  end
  answers[item] = answer
end
return answers`;

const twinOf =
  (answerOf: (view: Parameters<ScriptTwin>[0], key: string, bits: Iterable<number>) => 0 | 1): ScriptTwin =>
  (view, [key = ''], digests) => {
    const shape = parseHead(view.getRange(key, 0, LAST_OF_HEAD));
    if (shape === undefined) return null;
    return digests.map((digest) => answerOf(view, key, bloomPositions(digest, shape.positions, shape.bits)));
  };

/** One answer an item; undefined where there is no filter. */
const answers = (reply: ScriptReply): boolean[] | undefined =>
  Array.isArray(reply) ? reply.map((each) => each === 1) : undefined;

/** Replies 1 for an item that was not there yet. */
export const addToBloom = defineScript({
  name: 'bloom-add',
  lua: eachPosition(0, `if redis.call('SETBIT', KEYS[1], bit, 1) == 0 then answer = 1 end`),
  twin: twinOf((view, key, bits) => {
    let answer: 0 | 1 = 0;
    for (const bit of bits) if (view.setBit(key, HEAD_BITS + bit, 1) === 0) answer = 1;
    return answer;
  }),
  decode: answers,
});

/** Replies 0 for an item that was certainly never added. */
export const hasInBloom = defineScript({
  name: 'bloom-has',
  lua: eachPosition(1, `if redis.call('GETBIT', KEYS[1], bit) == 0 then answer = 0 break end`),
  twin: twinOf((view, key, bits) => {
    for (const bit of bits) if (view.getBit(key, HEAD_BITS + bit) === 0) return 0;
    return 1;
  }),
  decode: answers,
});
