import type { Check, Op, Verdict } from '../algorithms/decide.js';
import type { Decision } from '../ratelimit.provider.js';
import type { CompiledRule } from '../rules/compiled-rule.js';
import type { LocalCheck } from './local-accounts.js';

/** One check of a call, its rule found: as accounts of this process take it. `seq` is the number of its permit; 0: none. */
export interface Request extends LocalCheck {
  readonly rule: CompiledRule;
}

/** The request as a check by another op. */
export function asked(request: Request, op: Op): Request {
  return request.op === op ? request : { ...request, op };
}

/** Among others of one call: told apart by rule and resource. */
export function inGroup(request: Request, op: Op): Request {
  return { ...request, op, key: request.rule.prefix + request.resource };
}

/** The request as the store takes it. */
export function stored({ rule, amount, seq }: Request, op: Op, key: string): Check {
  return { key, op, rule, amount, seq, heldSeq: 0, rest: 0 };
}

/** What became of a request, not yet counted. */
export interface Answer {
  readonly verdict: Verdict;
  readonly source: Decision['source'];
  /** Refused because the store is away and the rule closes then. */
  readonly closed?: true;
}

/** True when the answer refuses the call it belongs to. */
export function refuses({ rule }: Request, { verdict }: Answer): boolean {
  return !verdict.ok && rule.shadow === 0;
}
