import {
  withDeadline,
  type CallOptions,
  type Clock,
  type HealthReport,
  type Logger,
} from '@infra-kit/kernel';
import { REFUND, RESET, TAKE } from './algorithms/decide.js';
import { SLOTS } from './algorithms/algorithm.js';
import type { RateLimitConfig } from './ratelimit.config.js';
import { isCheck, soundCost, soundResource } from './sound-arguments.js';
import { isContextLimited, isContextOver, isFree } from './call-limits.js';
import { closedError, invalidArgument, shown, type RateLimitPlace } from './ratelimit.errors.js';
import {
  RateLimitProvider,
  type AllowOptions,
  type Decision,
  type Permit,
  type RateLimitCheck,
  type RateLimitRule,
} from './ratelimit.provider.js';
import type { ShownDecision } from './nest/rate-headers.js';
import { ClosedDecision, DecisionCounter, decisionOf } from './rules/decision.js';
import type { RuleBook } from './rules/rule-book.js';
import { ownSource, type Judge } from './store/judge.js';
import { HeldPermit } from './store/permits.js';
import { refuses, type Answer, type Request } from './store/request.js';

const CLOSED = 'its limiter was closed, the slot is free for others';

export interface RateLimitDeps {
  readonly place: RateLimitPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rules: RuleBook;
  readonly judge: Judge;
  readonly settings: () => RateLimitConfig;
  readonly health: (options: CallOptions | undefined) => Promise<HealthReport>;
  readonly close: () => Promise<void>;
}

interface EnteredCall {
  readonly allowed: boolean;
  readonly decisions: Decision[];
  readonly permits: Permit[];
  readonly shown: readonly ShownDecision[];
}

/** The front: checks, limits of the caller, permits, counting. */
export class DefaultRateLimitProvider extends RateLimitProvider {
  override readonly name: string;
  readonly #deps: RateLimitDeps;
  readonly #permits = new Set<HeldPermit>();
  readonly #counter = new DecisionCounter();
  #permitNumber = 0;
  /** The resource checked last: a hot one is checked once. At first one that is sound. */
  #sound = '-';
  #closed = false;

  constructor(deps: RateLimitDeps) {
    super();
    this.name = deps.place.name;
    this.#deps = deps;
  }

  // no async function: what this process decides by itself must cost one promise
  override allow(resource: string, rule: string | RateLimitRule, options?: AllowOptions): Promise<Decision> {
    try {
      const request = this.#request(resource, rule, options?.cost, 0);
      const verdict = isFree(options) && !isContextOver() ? this.#deps.judge.atOnce(request) : undefined;
      if (verdict === undefined) return this.#allowLater(request, options);
      const decision = decisionOf(request.rule, verdict, ownSource(request.rule));
      return Promise.resolve(this.#counter.counted(request.rule, decision, verdict.ok));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** Apart from `allow`, which stays free of closures. */
  #allowLater(request: Request, options: CallOptions | undefined): Promise<Decision> {
    return this.#limited('allow', options, async () =>
      this.#told(request, await this.#deps.judge.one(request)),
    );
  }

  override async allowAll(
    checks: readonly RateLimitCheck[],
    options?: CallOptions,
  ): Promise<{ readonly allowed: boolean; readonly decisions: Decision[] }> {
    if (this.#closed) throw closedError(this.#deps.place);
    if (!Array.isArray(checks))
      throw invalidArgument(this.#deps.place, `checks must be a list, got ${shown(checks)}`);
    const requests = (checks as readonly RateLimitCheck[]).map((check: unknown, index) => {
      if (!isCheck(check))
        throw invalidArgument(
          this.#deps.place,
          `checks[${index}] must be { resource, rule, cost? }, got ${shown(check)}`,
        );
      return this.#request(check.resource, check.rule, check.cost, 0);
    });
    const { judge } = this.#deps;
    const answers = await this.#limited('allowAll', options, () => judge.all(requests));
    return this.#summary(requests, answers);
  }

  override async peek(
    resource: string,
    rule: string | RateLimitRule,
    options?: CallOptions,
  ): Promise<Decision> {
    const request = this.#request(resource, rule, undefined, 0);
    const answer = await this.#limited('peek', options, () => this.#deps.judge.peek(request));
    return decided(request, answer);
  }

  override async refund(
    resource: string,
    rule: string | RateLimitRule,
    cost?: number,
    options?: CallOptions,
  ): Promise<void> {
    const request = this.#request(resource, rule, cost, 0);
    await this.#limited('refund', options, () => this.#deps.judge.change(request, REFUND));
  }

  override async reset(resource: string, rule: string | RateLimitRule, options?: CallOptions): Promise<void> {
    const request = this.#request(resource, rule, undefined, 0);
    await this.#limited('reset', options, () => this.#deps.judge.change(request, RESET));
  }

  override async acquire(
    resource: string,
    rule: string | RateLimitRule,
    options?: CallOptions,
  ): Promise<{ readonly decision: Decision; readonly permit?: Permit }> {
    const request = this.#request(resource, rule, undefined, this.#permitNumber + 1);
    if (request.rule.kind !== SLOTS)
      throw invalidArgument(
        this.#deps.place,
        `acquire needs a concurrency rule, '${request.rule.name}' is none`,
      );
    const { decisions, permits } = await this.#enter(
      { checks: [{ resource, rule }], method: 'acquire' },
      options,
    );
    const [decision = decided(request, await this.#deps.judge.peek(request))] = decisions;
    const [permit] = permits;
    return permit === undefined ? { decision } : { decision, permit };
  }

  /**
   * `allowAll` for a method call: slots of concurrency rules are held by the permits given back, to be released when the
   * method has ended.
   */
  enter(checks: readonly RateLimitCheck[], options?: CallOptions): Promise<EnteredCall> {
    return this.#enter({ checks, method: checks.length === 1 ? 'allow' : 'allowAll' }, options);
  }

  async #enter(
    { checks, method }: { readonly checks: readonly RateLimitCheck[]; readonly method: string },
    options: CallOptions | undefined,
  ): Promise<EnteredCall> {
    const requests = checks
      .map(({ resource, rule, cost }) => this.#request(resource, rule, cost, 0))
      .map((request): Request =>
        request.rule.kind === SLOTS ? { ...request, seq: ++this.#permitNumber } : request,
      );
    const askedAt = this.#deps.clock.monotonic();
    const { judge } = this.#deps;
    const [only] = requests;
    let isAbandoned = false;
    const answers = await this.#limited(method, options, async () => {
      const found =
        only !== undefined && requests.length === 1 ? [await judge.one(only)] : await judge.all(requests);
      // the caller gave up meanwhile: nobody would release these
      if (isAbandoned)
        for (const request of taken(requests, found)) void this.#hold(request, askedAt).release();
      return found;
    }).catch((error: unknown) => {
      isAbandoned = true;
      throw error;
    });
    const result = this.#summary(requests, answers);
    const shown = requests.flatMap(({ rule }, index) => {
      const decision = result.decisions[index];
      return decision === undefined || rule.shadow === 1
        ? []
        : [{ decision, refillSeconds: rule.refillSeconds }];
    });
    const permits = taken(requests, answers).map((request) => this.#hold(request, askedAt));
    if (this.#closed) await Promise.all(permits.map((permit) => permit.revoke(CLOSED)));
    return { ...result, shown, permits };
  }

  get logger(): Logger {
    return this.#deps.logger;
  }

  get settings(): RateLimitConfig {
    return this.#deps.settings();
  }

  /** For decorators: NOT_FOUND when there is no such rule, and from now on it cannot vanish. */
  need(rule: string | RateLimitRule, by: string): void {
    const { name } = this.#deps.rules.find(rule);
    if (typeof rule === 'string') this.#deps.rules.need(name, by);
  }

  override rules(): Readonly<Record<string, RateLimitRule>> {
    return this.#deps.rules.given;
  }

  override health(options?: CallOptions): Promise<HealthReport> {
    if (this.#closed) return Promise.resolve({ status: 'down', detail: { error: 'closed' } });
    return this.#deps.health(options);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await this.#deps.close();
  }

  /** Called once, before the store goes. */
  async giveBack(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#permits].map((permit) => permit.revoke(CLOSED)));
  }

  #hold(request: Request, askedAt: number): HeldPermit {
    const { place, clock, judge } = this.#deps;
    const permit = new HeldPermit({
      place,
      clock,
      request,
      askedAt,
      leaseMs: request.rule.given.perMs ?? 1000,
      change: (of, op) => judge.change(of, op),
      ended: (one) => void this.#permits.delete(one),
    });
    this.#permits.add(permit);
    return permit;
  }

  #summary(
    requests: readonly Request[],
    answers: readonly Answer[],
  ): { readonly allowed: boolean; readonly decisions: Decision[] } {
    const allowed = !requests.some((request, index) => isRefusal(request, answers[index]));
    const decisions = requests.flatMap((request, index) => {
      const answer = answers[index];
      return answer === undefined ? [] : [this.#told(request, answer)];
    });
    return { allowed, decisions };
  }

  #told({ rule }: Request, answer: Answer): Decision {
    if (answer.closed === true) return this.#counter.counted(rule, new ClosedDecision(rule), false);
    const { verdict, source } = answer;
    return this.#counter.counted(rule, decisionOf(rule, verdict, source), verdict.ok);
  }

  #request(resource: unknown, rule: string | RateLimitRule, cost: unknown, seq: number): Request {
    const deps = this.#deps;
    if (this.#closed) throw closedError(deps.place);
    if (resource !== this.#sound) this.#sound = soundResource(deps.place, resource);
    const key = this.#sound;
    const amount = cost === undefined ? 1 : soundCost(deps.place, cost);
    return { key, resource: key, op: TAKE, rule: deps.rules.find(rule), amount, seq, heldSeq: 0, rest: 0 };
  }

  /** Under the caller's own limits alone: the store has its own. */
  #limited<T>(method: string, options: CallOptions | undefined, fn: () => Promise<T>): Promise<T> {
    if (isFree(options) && !isContextLimited()) return fn();
    return withDeadline(options, Infinity, `${this.#deps.place.label}.${method}`, fn);
  }
}

function decided({ rule }: Request, { verdict, source, closed }: Answer): Decision {
  return closed === true ? new ClosedDecision(rule) : decisionOf(rule, verdict, source);
}

/** Whose slots a call holds now. */
function taken(requests: readonly Request[], answers: readonly Answer[]): Request[] {
  if (requests.some((request, index) => isRefusal(request, answers[index]))) return [];
  return requests.filter(({ seq }, index) => seq > 0 && answers[index]?.verdict.ok === true);
}

function isRefusal(request: Request, answer: Answer | undefined): boolean {
  return answer !== undefined && refuses(request, answer);
}
