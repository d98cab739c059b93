import { defineScript, type ScriptReply, type ScriptView } from '@infra-kit/cache';
import type { RuleNumbers } from '../algorithms/algorithm.js';
import {
  decide,
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
const CHECK_FIELDS = 7;
const VERDICT_FIELDS = 5;

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
      flat.push(op, place, amount, seq, heldSeq, rest, --left === 0 ? 1 : 0);
    }
  }
  return { keys, args: [JSON.stringify([rules, flat]), owner, at === undefined ? '' : String(at)] };
}

function decodeChecks(keys: readonly string[], text: string): Group[] {
  const [rules, flat] = JSON.parse(text) as [number[][], number[]];
  const groups: Check[][] = [[]];
  for (const [index, key] of keys.entries()) {
    const [op = 0, place = 1, amount = 0, seq = 0, heldSeq = 0, rest = 0, last = 1] = flat.slice(
      index * CHECK_FIELDS,
      (index + 1) * CHECK_FIELDS,
    );
    const [kind = 0, a = 0, b = 1, c = 0, d = 0, shadow = 0] = rules[place - 1] ?? [];
    const rule = { kind, a, b, c, d, shadow } as RuleNumbers;
    groups.at(-1)?.push({ key, op: op as Op, rule, amount, seq, heldSeq, rest });
    if (last === 1 && index < keys.length - 1) groups.push([]);
  }
  return groups;
}

/** States as texts under the keys of a script: read once, written once. */
class TextSpace implements StateSpace {
  readonly #view: ScriptView;
  readonly #known = new Map<string, State | undefined>();
  readonly #changed = new Map<string, number>();

  constructor(view: ScriptView) {
    this.#view = view;
  }

  read(key: string): State | undefined {
    if (!this.#known.has(key)) this.#known.set(key, parseState(this.#view.get(key)));
    return this.#known.get(key);
  }

  write(key: string, state: State, ttlMs: number): void {
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

function decodeReply(reply: ScriptReply): readonly Verdict[] {
  const flat = (Array.isArray(reply) ? reply : []) as readonly number[];
  const verdicts: Verdict[] = [];
  for (let at = 0; at + VERDICT_FIELDS <= flat.length; at += VERDICT_FIELDS)
    verdicts.push({
      ok: flat[at] === 1,
      remaining: flat[at + 1] ?? 0,
      waitMs: flat[at + 2] ?? 0,
      resetMs: flat[at + 3] ?? 0,
      granted: flat[at + 4] ?? 0,
    });
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
    return verdicts.flatMap(({ ok, remaining, waitMs, resetMs, granted }) => [
      ok ? 1 : 0,
      remaining,
      waitMs,
      resetMs,
      granted,
    ]);
  },
  decode: decodeReply,
});
