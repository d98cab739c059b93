import { NEVER } from '../algorithms/algorithm.js';
import type { Verdict } from '../algorithms/decide.js';
import type { Decision } from '../ratelimit.provider.js';
import { decisionsCounter, isMeasured } from '../ratelimit.telemetry.js';
import type { CompiledRule } from './compiled-rule.js';

const CLOSED_RETRY_MS = 1000;

/** Refused because the store is away and the rule says `closed`: nobody is exhausted, the service is unavailable. */
export class ClosedDecision implements Decision {
  readonly allowed: boolean;
  readonly rule: string;
  readonly limit: number;
  readonly remaining = 0;
  readonly retryAfterMs = CLOSED_RETRY_MS;
  readonly resetAfterMs = CLOSED_RETRY_MS;
  readonly source = 'fallback';

  constructor(rule: CompiledRule) {
    this.allowed = rule.shadow === 1;
    this.rule = rule.name;
    this.limit = rule.limit;
  }
}

function waitOf({ ok, waitMs }: Verdict): number {
  if (ok) return 0;
  return waitMs === NEVER ? Infinity : Math.max(1, waitMs);
}

export function decisionOf(rule: CompiledRule, verdict: Verdict, source: Decision['source']): Decision {
  return {
    allowed: verdict.ok || rule.shadow === 1,
    rule: rule.name,
    limit: rule.limit,
    remaining: verdict.remaining,
    retryAfterMs: waitOf(verdict),
    resetAfterMs: verdict.resetMs,
    source,
  };
}

/** To ask whether anybody measures costs a tenth of a decision: where nobody did, it is asked again after so many. */
const DECISIONS_BETWEEN_LOOKS = 16;

/** Counts the decisions of one limiter. */
export class DecisionCounter {
  #untilLook = 0;

  /** Hands the decision on. `ok` is false for the refusal of a shadow rule, too. */
  counted({ labels, shadow }: CompiledRule, decision: Decision, ok: boolean): Decision {
    if (--this.#untilLook > 0) return decision;
    if (!isMeasured()) {
      this.#untilLook = DECISIONS_BETWEEN_LOOKS;
      return decision;
    }
    this.#untilLook = 0;
    const bySource = ok ? labels.allowed : shadow === 1 ? labels.shadow_refused : labels.refused;
    decisionsCounter.add(1, bySource[decision.source]);
    return decision;
  }
}
