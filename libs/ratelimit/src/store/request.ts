import type { Decision } from '../ratelimit.provider.js';
import type { Verdict } from '../algorithms/decide.js';
import type { CompiledRule } from '../rules/compiled-rule.js';

/** One check of a call, its rule found. */
export interface Request {
  readonly resource: string;
  readonly rule: CompiledRule;
  readonly cost: number;
  /** Number of the permit that is to hold the slot; 0: none. */
  readonly permit: number;
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
