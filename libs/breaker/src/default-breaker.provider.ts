import { ConfigError, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { BreakerConfig } from './breaker.config.js';
import { closedError, invalidArgument } from './breaker.errors.js';
import {
  mergePolicies,
  policyProblems,
  settlePolicy,
  type BreakerPolicyOptions,
  type SettledPolicy,
} from './breaker.policy.js';
import { BreakerProvider, type Breaker } from './breaker.provider.js';
import type { BreakerRegistry } from './breaker-registry.js';
import type { BreakerHost } from './call/breaker-host.js';
import { GuardedBreaker } from './call/guarded-breaker.js';
import { parsePolicy } from './parse-breaker-config.js';
import type { FleetView } from './share/fleet-view.js';

interface ProviderParts {
  readonly host: BreakerHost;
  readonly registry: BreakerRegistry;
  readonly config: BreakerConfig;
  readonly fleet: FleetView | undefined;
  readonly close: () => Promise<void>;
}

/** Names shown on the health page. */
const SHOWN = 20;

/** Breakers by name, and the policies they go by. */
export class DefaultBreakerProvider extends BreakerProvider {
  override readonly name: string;
  readonly #parts: ProviderParts;
  #config: BreakerConfig;
  /** Policies that belong to a name, or to none, settled once for all breakers that go by them. */
  #settled = new Map<string | undefined, SettledPolicy>();
  /** What `get` was given, by breaker: as it was, and as it was parsed. */
  readonly #own = new WeakMap<
    GuardedBreaker,
    { readonly given: unknown; readonly policy: BreakerPolicyOptions }
  >();

  constructor(parts: ProviderParts) {
    super();
    this.name = parts.host.place.name;
    this.#parts = parts;
    this.#config = parts.config;
  }

  override get(name: string, policy?: BreakerPolicyOptions): Breaker {
    const { host, registry } = this.#parts;
    if (host.closed) throw closedError(host.place);
    const found = registry.find(name);
    if (found === undefined) return this.#make(name, policy);
    if (policy !== undefined && this.#own.get(found)?.given !== policy) this.#give(found, policy);
    return found;
  }

  override all(): Breaker[] {
    const { host, registry } = this.#parts;
    if (host.closed) throw closedError(host.place);
    return registry.all();
  }

  /** New policies in place; breakers keep what `get` gave them. @throws ConfigError, and nothing changes, where that misfits. */
  follow(config: BreakerConfig): void {
    const { registry } = this.#parts;
    const problems = registry.every().flatMap((breaker) => this.#misfits(breaker, config));
    if (problems.length > 0) throw new ConfigError('breaker', problems, this.name);
    this.#config = config;
    this.#settled = new Map();
    registry.idleMs = config.idleMs;
    for (const breaker of registry.every())
      breaker.follow(this.#policyFor(breaker.name, this.#own.get(breaker)?.policy));
  }

  override health(_options?: CallOptions): Promise<HealthReport> {
    const { host, registry, fleet } = this.#parts;
    if (host.closed) return Promise.resolve({ status: 'down', detail: { error: 'closed' } });
    const breakers = registry.present();
    const troubled = breakers.filter(({ state }) => state !== 'closed' && state !== 'disabled');
    const detail = {
      breakers: breakers.length,
      notClosed: Object.fromEntries(troubled.slice(0, SHOWN).map(({ name, state }) => [name, state])),
      ...(fleet && { share: fleet.away ? 'cache away, deciding locally' : 'up' }),
    };
    const degraded = troubled.length > 0 || fleet?.away === true;
    return Promise.resolve({ status: degraded ? 'degraded' : 'up', detail });
  }

  override close(): Promise<void> {
    return this.#parts.close();
  }

  #make(name: string, given: BreakerPolicyOptions | undefined): GuardedBreaker {
    const { host, registry, fleet } = this.#parts;
    if (typeof name !== 'string' || name === '')
      throw invalidArgument(host.place, `a breaker's name must be a text, got ${JSON.stringify(name)}`);
    const policy = given && this.#parse(name, given);
    const breaker = new GuardedBreaker(name, this.#policyFor(name, policy), host);
    if (policy) this.#own.set(breaker, { given, policy });
    registry.add(breaker);
    if (fleet?.isFailing(name)) breaker.openForFleet();
    return breaker;
  }

  #give(breaker: GuardedBreaker, given: BreakerPolicyOptions): void {
    const policy = this.#parse(breaker.name, given);
    this.#own.set(breaker, { given, policy });
    breaker.follow(this.#policyFor(breaker.name, policy));
  }

  #parse(name: string, given: BreakerPolicyOptions): BreakerPolicyOptions {
    const policy = parsePolicy(given, this.name, name);
    const problems = policyProblems(
      mergePolicies(this.#config.default, this.#config.policies.get(name), policy),
    );
    if (problems.length === 0) return policy;
    throw new ConfigError(
      'breaker',
      problems.map((problem) => `'${name}': ${problem}`),
      this.name,
    );
  }

  /** What `get` was given may not fit what the configuration says now. */
  #misfits(breaker: GuardedBreaker, { default: base, policies }: BreakerConfig): string[] {
    const own = this.#own.get(breaker)?.policy;
    if (own === undefined) return [];
    const merged = mergePolicies(base, policies.get(breaker.name), own);
    return policyProblems(merged).map((problem) => `'${breaker.name}': ${problem}`);
  }

  #policyFor(name: string, own: BreakerPolicyOptions | undefined): SettledPolicy {
    const { default: base, policies } = this.#config;
    const named = policies.get(name);
    if (own) return settlePolicy(mergePolicies(base, named, own));
    const key = named && name;
    const settled = this.#settled.get(key) ?? settlePolicy(mergePolicies(base, named));
    this.#settled.set(key, settled);
    return settled;
  }
}
