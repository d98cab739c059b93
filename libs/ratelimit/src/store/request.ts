import type { Decision } from '../ratelimit.provider.js';
import type { RuleNumbers } from '../algorithms/algorithm.js';
import type { Op, Verdict } from '../algorithms/decide.js';
import type { CompiledRule } from '../rules/compiled-rule.js';
import type { LocalCheck } from './local-accounts.js';

/** One check of a call, its rule found. */
export interface Request {
  readonly resource: string;
  readonly rule: CompiledRule;
  readonly cost: number;
  /** Number of the permit that is to hold the slot; 0: none. */
  readonly permit: number;
}

/** A request to accounts of this process; `rule` where the rule's own numbers are not what counts. */
export function localCheck(
  { resource, rule: { prefix, numbers }, cost, permit }: Request,
  op: Op,
  rule: RuleNumbers = numbers,
): LocalCheck {
  return { key: resource, prefix, resource, op, rule, amount: cost, seq: permit, heldSeq: 0, rest: 0 };
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
  return !verdict.ok && !rule.shadow;
}
