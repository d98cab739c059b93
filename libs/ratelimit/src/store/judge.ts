import {
  PEEK,
  REFUND,
  RELEASE,
  TAKE,
  type Check,
  type Group,
  type Op,
  type Verdict,
} from '../algorithms/decide.js';
import type { CompiledRule } from '../rules/compiled-rule.js';
import type { Fallback } from './fallback.js';
import type { Leases } from './leases.js';
import type { LocalAccounts } from './local-accounts.js';
import type { Outage } from './outage.js';
import { asked, inGroup, refuses, stored, type Answer, type Request } from './request.js';
import type { ScriptCalls } from './script-calls.js';

export interface JudgeDeps {
  readonly local: LocalAccounts;
  /** Absent with the memory driver. */
  readonly calls: ScriptCalls | undefined;
  readonly leases: Leases;
  readonly outage: Outage;
  readonly fallback: Fallback;
}

/** Brings each request to where its account is, and gets an answer in any case. */
export class Judge {
  readonly #deps: JudgeDeps;

  constructor(deps: JudgeDeps) {
    this.#deps = deps;
  }

  /** One request that this process can decide by itself (see `ownSource`), now; undefined when the store must be asked. */
  atOnce(request: Request): Verdict | undefined {
    const { rule, resource, amount } = request;
    if (rule.local) return this.#deps.local.take(request);
    return isLeased(request) ? this.#deps.leases.takeHeld(rule, resource, amount) : undefined;
  }

  async one(request: Request): Promise<Answer> {
    const verdict = this.atOnce(request);
    if (verdict !== undefined) return { verdict, source: ownSource(request.rule) };
    const [answer] = isLeased(request) ? [await this.#leased(request)] : await this.#stored([request], TAKE);
    return answer ?? this.#onFallback(request);
  }

  /**
   * All are spent or none. What this process decides by itself comes first, its own accounts at one instant, and is given
   * back when another refuses.
   */
  async all(requests: readonly Request[]): Promise<Answer[]> {
    const answers = new Map<Request, Answer>();
    const isRefused = (): boolean => [...answers].some(([request, answer]) => refuses(request, answer));
    const leased = requests.filter((request) => !request.rule.local && isLeased(request));
    for (const request of leased) answers.set(request, await this.one(request));
    const local = requests.filter(({ rule }) => rule.local);
    const own = this.#locally(local, isRefused() ? PEEK : TAKE);
    for (const [index, request] of local.entries()) answers.set(request, at(own, index));
    const taken = isRefused() ? leased : [...leased, ...local];
    const stored = requests.filter((request) => !answers.has(request));
    const rest = await this.#stored(stored, isRefused() ? PEEK : TAKE);
    for (const [index, request] of stored.entries())
      answers.set(request, rest[index] ?? this.#onFallback(request));
    if (isRefused()) {
      const spent = [...answers].filter(([request, { verdict }]) => taken.includes(request) && verdict.ok);
      for (const [request, answer] of spent) this.#giveBack(request, answer);
      for (const [request, answer] of spent) answers.set(request, this.#asItIs(request, answer));
    }
    return requests.map((request) => answers.get(request) ?? this.#onFallback(request));
  }

  /** The answer to what was given back, with what is there again. */
  #asItIs(request: Request, answer: Answer): Answer {
    const { local, leases, fallback } = this.#deps;
    const { rule, resource } = request;
    const now =
      answer.source === 'lease'
        ? leases.standing(rule, resource)
        : answer.source === 'fallback'
          ? fallback.decide([request], PEEK)[0]?.verdict
          : local.one(asked(request, PEEK));
    if (now === undefined) return answer;
    const { remaining, resetMs } = now;
    return { ...answer, verdict: { ...answer.verdict, remaining, resetMs } };
  }

  async peek(request: Request): Promise<Answer> {
    const { local, leases } = this.#deps;
    if (request.rule.local) return { verdict: local.one(asked(request, PEEK)), source: 'local' };
    const [answer = this.#onFallback(request)] = await this.#stored([request], PEEK);
    const held = isLeased(request) ? leases.held(request.rule, request.resource) : 0;
    if (held === 0 || answer.source !== 'store') return answer;
    const { verdict } = answer;
    const ok = verdict.ok || held >= request.amount;
    return {
      source: 'lease',
      verdict: {
        ...verdict,
        ok,
        waitMs: ok ? 0 : verdict.waitMs,
        remaining: verdict.remaining + Math.floor(held),
      },
    };
  }

  /** An operation that is no decision. Rejects with the store's error, once this process has done its part. */
  async change(request: Request, op: Op): Promise<Verdict> {
    const { calls, local, leases, outage, fallback } = this.#deps;
    const { rule, resource, amount } = request;
    if (calls === undefined || rule.local) return local.one(asked(request, op));
    if (isLeased(request)) {
      if (op === REFUND && leases.giveBack(rule, resource, amount)) return first([]);
      leases.forget(rule, resource);
    }
    try {
      const verdicts = await calls.ask([this.#check(request, op)]);
      outage.answered();
      return first(verdicts);
    } catch (error) {
      outage.failed(error);
      fallback.apply(request, op);
      throw error;
    }
  }

  /** Decided by accounts of this process as one group. */
  #locally(requests: readonly Request[], op: Op): Answer[] {
    const group = requests.map((request) => inGroup(request, op));
    return this.#deps.local.decide(group).map((verdict) => ({ verdict, source: 'local' }));
  }

  #giveBack(request: Request, { source }: Answer): void {
    const { local, leases, fallback } = this.#deps;
    if (source === 'lease') leases.giveBack(request.rule, request.resource, request.amount);
    else if (source === 'fallback') fallback.apply(request, REFUND);
    else local.one(asked(request, givingBack(request.seq)));
  }

  async #leased(request: Request): Promise<Answer | undefined> {
    if (this.#mustNotAsk()) return undefined;
    try {
      const { rule, resource, amount } = request;
      const verdict = await this.#deps.leases.take(rule, resource, amount);
      return { verdict, source: 'lease' };
    } catch {
      return undefined; // the outage knows: draws go through `ask`
    }
  }

  /** Decided by the store as one group, by the fallback when it is away. */
  async #stored(requests: readonly Request[], op: Op): Promise<Answer[]> {
    if (requests.length === 0) return [];
    const { fallback } = this.#deps;
    if (this.#mustNotAsk()) return fallback.decide(requests, op);
    try {
      const verdicts = await this.ask(requests.map((request) => this.#check(request, op)));
      return verdicts.map((verdict) => ({ verdict, source: 'store' }));
    } catch {
      return fallback.decide(requests, op);
    }
  }

  /** Asks the store, which tells whether it is away. On a cluster a group may have to be asked in parts. */
  async ask(group: Group): Promise<readonly Verdict[]> {
    const { calls, outage } = this.#deps;
    if (calls === undefined) return [];
    try {
      const key = group[0]?.key ?? '';
      const verdicts = group.every((check) => calls.canShare(key, check.key))
        ? await calls.ask(group)
        : await askInParts(calls, group);
      outage.answered();
      return verdicts;
    } catch (error) {
      outage.failed(error);
      throw error;
    }
  }

  /** While the store is away one call at a time finds out whether it is back; nobody else waits for it. */
  #mustNotAsk(): boolean {
    const { calls, outage } = this.#deps;
    return outage.inForce && calls !== undefined && (calls.underWay > 0 || outage.isHopeless);
  }

  #onFallback(request: Request): Answer {
    const [answer] = this.#deps.fallback.decide([request], TAKE);
    if (answer === undefined) throw new RangeError('a fallback answers every request');
    return answer;
  }

  #check(request: Request, op: Op): Check {
    const { rule, resource } = request;
    return stored(request, op, this.#deps.calls?.keyOf(rule.prefix, resource) ?? rule.prefix + resource);
  }
}

/** Who it is that decides within this process. */
export const ownSource = ({ local }: CompiledRule): 'local' | 'lease' => (local ? 'local' : 'lease');

/** More than a lease holds is asked for itself. */
function isLeased({ rule, amount }: Request): boolean {
  return rule.lease !== undefined && amount <= rule.lease.size;
}

/** A slot that a permit holds is given back by its number. */
const givingBack = (permit: number): Op => (permit > 0 ? RELEASE : REFUND);

const NOTHING: Verdict = { ok: true, remaining: 0, waitMs: 0, resetMs: 0, granted: 0 };

function first(verdicts: readonly Verdict[]): Verdict {
  return verdicts[0] ?? NOTHING;
}

function at(answers: readonly Answer[], index: number): Answer {
  return answers[index] ?? { verdict: NOTHING, source: 'store' };
}

/**
 * Keys of different slots: no script may touch both. The parts are asked one after another; when one refuses, what the
 * earlier ones spent is refunded, so that nothing stays spent, though others may have seen it spent for a moment.
 */
async function askInParts(calls: ScriptCalls, group: Group): Promise<readonly Verdict[]> {
  const found = new Map<Check, Verdict>();
  const spent: Check[] = [];
  let refused = false;
  const left = new Set(group);
  for (const check of group) {
    if (!left.has(check)) continue;
    const part = [...left].filter((other) => calls.canShare(check.key, other.key));
    for (const one of part) left.delete(one);
    const verdicts = await calls.ask(refused ? part.map((one): Check => ({ ...one, op: PEEK })) : part);
    for (const [index, one] of part.entries()) {
      const verdict = verdicts[index] ?? NOTHING;
      found.set(one, verdict);
      if (!verdict.ok && one.rule.shadow === 0) refused = true;
    }
    if (!refused) spent.push(...part.filter((one) => one.op === TAKE && found.get(one)?.ok === true));
  }
  if (refused) await Promise.all(spent.map((one) => calls.ask([{ ...one, op: givingBack(one.seq) }])));
  return group.map((check) => found.get(check) ?? NOTHING);
}
