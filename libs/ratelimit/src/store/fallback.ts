import { NEVER } from '../algorithms/algorithm.js';
import { PEEK, type Op, type Verdict } from '../algorithms/decide.js';
import type { OnStoreError } from '../ratelimit.provider.js';
import { shareOf, type CompiledRule } from '../rules/compiled-rule.js';
import type { LocalAccounts } from './local-accounts.js';
import { inGroup, type Answer, type Request } from './request.js';

const RETRY_MS = 1000;

export interface FallbackOptions {
  readonly accounts: LocalAccounts;
  readonly onStoreError: () => OnStoreError;
  /** Share of a rule that this process may give out by itself. */
  readonly share: () => number;
}

/** Decides while the store is away: open, closed, or by this process' share of each rule. */
export class Fallback {
  readonly #options: FallbackOptions;

  constructor(options: FallbackOptions) {
    this.#options = options;
  }

  /** An outage finds every share full. */
  begin(): void {
    this.#options.accounts.clear();
  }

  policyOf(rule: CompiledRule): OnStoreError {
    return rule.onStoreError ?? this.#options.onStoreError();
  }

  /** All or nothing, as the store would. `op` is TAKE or PEEK. */
  decide(requests: readonly Request[], op: Op): Answer[] {
    const share = this.#options.share();
    const closed = requests.some(({ rule }) => this.policyOf(rule) === 'closed' && rule.shadow === 0);
    const shared = requests.filter(({ rule }) => this.policyOf(rule) === 'local');
    const group = shared.map((request) => shareOfRequest(inGroup(request, closed ? PEEK : op), share));
    const verdicts = group.length === 0 ? [] : this.#options.accounts.decide(group);
    let next = 0;
    return requests.map((request): Answer => {
      const policy = this.policyOf(request.rule);
      if (policy === 'closed')
        return { verdict: refused(RETRY_MS, RETRY_MS), source: 'fallback', closed: true };
      if (policy === 'open') return { verdict: allowed(request.rule), source: 'fallback' };
      const verdict = verdicts[next++];
      return {
        verdict: verdict === undefined ? allowed(request.rule) : ownWait(request, verdict),
        source: 'fallback',
      };
    });
  }

  /** Changes the share of this process alone: refund, reset, permits. */
  apply(request: Request, op: Op): Verdict {
    if (this.policyOf(request.rule) !== 'local') return allowed(request.rule);
    return this.#options.accounts.one(shareOfRequest(inGroup(request, op), this.#options.share()));
  }
}

function shareOfRequest(request: Request, share: number): Request {
  return { ...request, rule: shareOf(request.rule, share) };
}

const allowed = (rule: CompiledRule): Verdict => ({
  ok: true,
  remaining: Math.floor(rule.limit),
  waitMs: 0,
  resetMs: 0,
  granted: 0,
});
const refused = (waitMs: number, resetMs: number): Verdict => ({
  ok: false,
  remaining: 0,
  waitMs,
  resetMs,
  granted: 0,
});

/** A cost that is too much for the share alone fits again when the store is back. */
function ownWait({ rule, amount }: Request, verdict: Verdict): Verdict {
  return verdict.waitMs === NEVER && amount <= rule.limit ? { ...verdict, waitMs: RETRY_MS } : verdict;
}
