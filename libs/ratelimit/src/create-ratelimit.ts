import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { CacheProvider } from '@infra-kit/cache';
import {
  acceptReloads,
  buildComponent,
  reportClose,
  type CallOptions,
  type ComponentDeps,
  type ComponentSetting,
  type HealthReport,
} from '@infra-kit/kernel';
import { DefaultRateLimitProvider } from './default-ratelimit.provider.js';
import { HOT, isCacheProvider, parseRateLimitConfig } from './parse-ratelimit-config.js';
import type { RateLimitConfig, RateLimitOptions, RateLimitRuleConfig } from './ratelimit.config.js';
import { rateLimitPlace } from './ratelimit.errors.js';
import type { RateLimitAlgorithm, RateLimitProvider } from './ratelimit.provider.js';
import { RuleBook } from './rules/rule-book.js';
import { Fallback } from './store/fallback.js';
import { Judge } from './store/judge.js';
import { Leases } from './store/leases.js';
import { LocalAccounts } from './store/local-accounts.js';
import { Outage } from './store/outage.js';
import { ScriptCalls } from './store/script-calls.js';

export interface RateLimitDependencies {
  /** Where distributed rules are decided; closed by whoever made it. */
  readonly cache?: CacheProvider | undefined;
  /** How many instances of the service there are now, for the share of each while the store is away. */
  readonly instances?: (() => number) | undefined;
}
export type RateLimitDepsByHand = ComponentDeps & RateLimitDependencies;

const OWNER_BYTES = 6;
const SHARE_OF_UNKNOWN = 0.5;

/**
 * Makes a rate limiter. Configuration: what is passed, then `defaultRateLimitConfig(env)`; with a cache given, rules
 * are decided in it. Rejects with a `ConfigError` that names everything that is wrong. The maker closes it.
 */
export function createRateLimit(
  config: RateLimitOptions = {},
  deps: RateLimitDepsByHand = {},
): Promise<RateLimitProvider> {
  return buildComponent('ratelimit', deps, (setting) => assemble(config, setting, deps));
}

function assemble(
  options: RateLimitOptions,
  setting: ComponentSetting,
  deps: RateLimitDependencies,
): RateLimitProvider {
  const { name, env, stack, clock, logger } = setting;
  const place = rateLimitPlace(name);
  const parse = (input: unknown): RateLimitConfig =>
    parseRateLimitConfig(input, { env, instance: name, hasCache: deps.cache !== undefined });
  const started = parse(options);
  let current = started;
  /** Rules that ever were: one that vanishes and returns finds its accounts. */
  const known = new Map(started.rules);
  const settings = (): RateLimitConfig => current;

  const owner = randomBytes(OWNER_BYTES).toString('hex');
  const { maxKeys } = started;
  const accounts = (): LocalAccounts => new LocalAccounts({ clock, owner, maxKeys });
  const local = accounts();
  const cache = cacheOf(started, deps.cache);
  const rules = new RuleBook(place, { hasStore: cache !== undefined });
  rules.replace(started.rules);
  const calls = cache && new ScriptCalls({ cache, name, owner, timeoutMs: () => current.storeTimeoutMs });
  const fallback = new Fallback({
    accounts: accounts(),
    onStoreError: () => current.onStoreError,
    share: () => current.fallbackRate ?? shareOfOne(deps.instances),
  });
  const outage = new Outage({
    name,
    clock,
    logger,
    timeoutMs: () => current.storeTimeoutMs,
    began: () => fallback.begin(),
  });
  const leases = new Leases({
    clock,
    maxKeys,
    ask: (group) => judge.ask(group),
    keyOf: (prefix, resource) => calls?.keyOf(prefix, resource) ?? prefix + resource,
  });
  const judge: Judge = new Judge({ local, calls, leases, outage, fallback });

  const provider = new DefaultRateLimitProvider({
    place,
    clock,
    logger,
    rules,
    judge,
    settings,
    health: (limits) => report({ cache, outage, local, rules: rules.names.length }, limits),
    close: async () => reportClose(logger, await stack.close()),
  });
  stack.push({
    name: `${place.label} leases`,
    phase: 'leases',
    close: async () => {
      await provider.giveBack();
      await leases.giveBackAll();
      outage.close();
    },
  });

  acceptReloads(setting, {
    options,
    parse: (document) => {
      const next = parse(document);
      rules.refuseUnlessKept(next.rules);
      return next;
    },
    apply: (next) => {
      const waiting = [...structuralChanges(started, next), ...keepAccounts(known, next)];
      for (const [rule, config] of next.rules) known.set(rule, config);
      rules.replace(next.rules);
      current = next;
      return waiting;
    },
  });
  return provider;
}

function cacheOf(config: RateLimitConfig, given: CacheProvider | undefined): CacheProvider | undefined {
  if (config.driver === 'memory') return undefined;
  return isCacheProvider(config.cache) ? config.cache : given;
}

/** One of as many as are known. */
function shareOfOne(instances: (() => number) | undefined): number {
  try {
    const count = instances?.() ?? 0;
    return count >= 1 ? 1 / count : SHARE_OF_UNKNOWN;
  } catch {
    return SHARE_OF_UNKNOWN; // a decision is never thrown
  }
}

function structuralChanges(running: RateLimitConfig, next: RateLimitConfig): string[] {
  const fields = [...new Set([...Object.keys(running), ...Object.keys(next)])] as (keyof RateLimitConfig)[];
  return fields.filter((field) => !HOT.has(field) && !isDeepStrictEqual(running[field], next[field]));
}

/**
 * An account of one algorithm says nothing to another, nor one of this process to all: such a rule stays as it is until
 * the next start, for no change may hand out a fresh burst. Names the fields.
 */
function keepAccounts(known: ReadonlyMap<string, RateLimitRuleConfig>, next: RateLimitConfig): string[] {
  const kept: string[] = [];
  for (const [name, rule] of next.rules) {
    const former = known.get(name);
    if (former === undefined) continue;
    const changed = [
      ...(algorithmOf(former) === algorithmOf(rule) ? [] : ['algorithm']),
      ...(scopeOf(former) === scopeOf(rule) ? [] : ['scope']),
    ];
    if (changed.length === 0) continue;
    next.rules.set(name, former);
    kept.push(...changed.map((field) => `rules.${name}.${field}`));
  }
  return kept;
}

const algorithmOf = ({ algorithm }: RateLimitRuleConfig): RateLimitAlgorithm => algorithm ?? 'token-bucket';
const scopeOf = ({ scope }: RateLimitRuleConfig): string => scope ?? 'distributed';

async function report(
  facts: {
    readonly cache: CacheProvider | undefined;
    readonly outage: Outage;
    readonly local: LocalAccounts;
    readonly rules: number;
  },
  limits: CallOptions | undefined,
): Promise<HealthReport> {
  const { cache, outage, local, rules } = facts;
  if (cache === undefined) return { status: 'up', detail: { driver: 'memory', rules, accounts: local.size } };
  const { status, detail } = await cache.health(limits);
  const degraded = status !== 'up' || outage.inForce;
  return {
    status: degraded ? 'degraded' : 'up',
    detail: { driver: 'cache', rules, fallback: outage.inForce, store: { status, ...detail } },
  };
}
