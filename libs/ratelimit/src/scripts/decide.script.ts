import { defineScript, type ScriptReply, type ScriptView } from '@infra-kit/cache';
import type { RuleNumbers } from '../algorithms/algorithm.js';
import {
  decide,
  DRAW,
  type Check,
  type Group,
  type Op,
  type State,
  type StateSpace,
  type Verdict,
} from '../algorithms/decide.js';
import { DECIDE_LUA } from './decide.lua.js';
import { parseState, stateText } from './state-text.js';

/** A key outlives its meaning by this much: what expires keys and what tells the time need not agree to the ms. */
const AFTERLIFE_MS = 1000;
const VERDICT_FIELDS = 3;
/** The first number of a check: its op, and these added up. */
const LAST = 8;
const MORE = 16;
const RULE = 32;

export interface DecideCall {
  readonly keys: string[];
  readonly args: string[];
}

/**
 * Keys and arguments of a call that decides all `groups`, each for itself.
 * `at` stands in for the server's clock in tests; leave it out.
 */
export function encodeCall(groups: readonly Group[], owner: string, at?: number): DecideCall {
  const keys: string[] = [];
  const rules: number[][] = [];
  const places = new Map<RuleNumbers, number>();
  const flat: number[] = [];
  for (const group of groups) {
    let left = group.length;
    for (const { key, op, rule, amount, seq, heldSeq, rest } of group) {
      let place = places.get(rule);
      if (place === undefined) {
        place = rules.push([rule.kind, rule.a, rule.b, rule.c, rule.d, rule.shadow]);
        places.set(rule, place);
      }
      keys.push(key);
      const more = op >= DRAW || seq !== 0;
      flat.push(op + (--left === 0 ? LAST : 0) + (more ? MORE : 0) + place * RULE, amount);
      if (more) flat.push(seq, heldSeq, rest);
    }
  }
  return { keys, args: [JSON.stringify([rules, flat]), owner, at === undefined ? '' : String(at)] };
}

function decodeChecks(keys: readonly string[], text: string): Group[] {
  const [rules, flat] = JSON.parse(text) as [number[][], number[]];
  const groups: Check[][] = [];
  let group: Check[] = [];
  let at = 0;
  const next = (): number => flat[at++] ?? 0;
  for (const key of keys) {
    const head = next();
    const amount = next();
    const more = head % (2 * MORE) >= MORE;
    const [seq, heldSeq, rest] = more ? [next(), next(), next()] : [0, 0, 0];
    const [kind = 0, a = 0, b = 1, c = 0, d = 0, shadow = 0] = rules[Math.floor(head / RULE) - 1] ?? [];
    const rule = { kind, a, b, c, d, shadow } as RuleNumbers;
    group.push({ key, op: (head % LAST) as Op, rule, amount, seq, heldSeq, rest });
    if (head % (2 * LAST) < LAST) continue;
    groups.push(group);
    group = [];
  }
  return groups;
}

/** States as texts under the keys of a script: read once, written once. */
class TextSpace implements StateSpace<Check> {
  readonly #view: ScriptView;
  readonly #known = new Map<string, State | undefined>();
  readonly #changed = new Map<string, number>();

  constructor(view: ScriptView) {
    this.#view = view;
  }

  read({ key }: Check): State | undefined {
    if (!this.#known.has(key)) this.#known.set(key, parseState(this.#view.get(key)));
    return this.#known.get(key);
  }

  write({ key }: Check, state: State, ttlMs: number): void {
    this.#known.set(key, ttlMs > 0 ? state : undefined);
    this.#changed.set(key, ttlMs);
  }

  flush(): void {
    for (const [key, ttlMs] of this.#changed) {
      const state = this.#known.get(key);
      if (state === undefined) this.#view.delete(key);
      else this.#view.set(key, stateText(state), { ttlMs: ttlMs + AFTERLIFE_MS });
    }
  }
}

/** What remains (below 0: refused, by one less), ms until all is back, ms to wait or tokens drawn. */
function encodeVerdict({ ok, remaining, waitMs, resetMs, granted }: Verdict): number[] {
  return [ok ? remaining : -1 - remaining, resetMs, ok ? granted : waitMs];
}

function decodeReply(reply: ScriptReply): readonly Verdict[] {
  const flat = (Array.isArray(reply) ? reply : []) as readonly number[];
  const verdicts: Verdict[] = [];
  for (let at = 0; at + VERDICT_FIELDS <= flat.length; at += VERDICT_FIELDS) {
    const [first = 0, resetMs = 0, third = 0] = [flat[at], flat[at + 1], flat[at + 2]];
    const ok = first >= 0;
    verdicts.push({
      ok,
      remaining: ok ? first : -1 - first,
      waitMs: ok ? 0 : third,
      resetMs,
      granted: ok ? third : 0,
    });
  }
  return verdicts;
}

/** Every decision of the suite, as one atomic step on the store: verdicts in the order of the checks. */
export const decideScript = defineScript<readonly Verdict[]>({
  name: 'ratelimit-decide',
  lua: DECIDE_LUA,
  twin: (view, keys, [text = '[[],[]]', owner = '', at = '']) => {
    const space = new TextSpace(view);
    const now = at === '' ? view.nowUs() : Number(at);
    const verdicts = decodeChecks(keys, text).flatMap((group) => decide(space, now, owner, group));
    space.flush();
    return verdicts.flatMap(encodeVerdict);
  },
  decode: decodeReply,
});
