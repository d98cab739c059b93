import { ConfigError, isConfigError, parseConfig } from '@infra-kit/kernel';
import { RateLimitRuleConfig } from '../ratelimit.config.js';
import { invalidArgument, shown, unknownRule, type RateLimitPlace } from '../ratelimit.errors.js';
import type { RateLimitRule } from '../ratelimit.provider.js';
import { compileRule, type CompiledRule } from './compiled-rule.js';
import { ruleProblems } from './rule-problems.js';

/** What rules given as objects are called in decisions, header fields and metrics. */
const INLINE = 'inline';

/** The rules in force, ready to decide by. */
export class RuleBook {
  readonly #place: RateLimitPlace;
  readonly #hasStore: boolean;
  /** Those given as objects: compiled once an object. */
  readonly #inline = new WeakMap<object, CompiledRule>();
  readonly #needed = new Map<string, string>();
  #rules: ReadonlyMap<string, CompiledRule> = new Map();
  /** The one asked for last by its name: most callers ask for one and the same. */
  #last: CompiledRule | undefined;
  #given: Readonly<Record<string, RateLimitRule>> = {};

  constructor(place: RateLimitPlace, { hasStore }: { readonly hasStore: boolean }) {
    this.#place = place;
    this.#hasStore = hasStore;
  }

  /** Accounts are kept by name: what was spent under a former rule stays spent under the new one. */
  replace(rules: ReadonlyMap<string, RateLimitRuleConfig>): void {
    const compiled = new Map<string, CompiledRule>();
    for (const [name, rule] of rules) compiled.set(name, this.#compile(name, rule));
    this.#rules = compiled;
    this.#last = undefined;
    this.#given = Object.freeze(
      Object.fromEntries([...compiled].map(([name, { given }]) => [name, given] as const)),
    );
  }

  /** Rules that decorators name: they cannot vanish while the application runs. */
  need(name: string, by: string): void {
    this.#needed.set(name, by);
  }

  /** @throws ConfigError when a document would take one of them away. */
  refuseUnlessKept(rules: ReadonlyMap<string, unknown>): void {
    const missing = [...this.#needed].filter(([name]) => !rules.has(name));
    if (missing.length === 0) return;
    throw new ConfigError(
      'ratelimit',
      missing.map(([name, by]) => `rules.${name}: missing, and ${by} names it`),
      this.#place.name,
    );
  }

  get given(): Readonly<Record<string, RateLimitRule>> {
    return this.#given;
  }

  get names(): string[] {
    return [...this.#rules.keys()];
  }

  has(name: string): boolean {
    return this.#rules.has(name);
  }

  /** @throws NOT_FOUND, INVALID_ARGUMENT */
  find(rule: string | RateLimitRule): CompiledRule {
    const last = this.#last;
    return last !== undefined && last.name === rule ? last : this.#look(rule);
  }

  #look(rule: string | RateLimitRule): CompiledRule {
    const found = typeof rule === 'string' ? this.#rules.get(rule) : undefined;
    if (found === undefined) return this.#findOther(rule);
    this.#last = found;
    return found;
  }

  #findOther(rule: string | RateLimitRule): CompiledRule {
    if (typeof rule === 'string') throw unknownRule(this.#place, rule, this.names);
    if (typeof rule !== 'object' || rule === null)
      throw invalidArgument(this.#place, `rule must be a name or a rule, got ${shown(rule)}`);
    const known = this.#inline.get(rule);
    if (known !== undefined) return known;
    const compiled = this.#compileInline(rule);
    this.#inline.set(rule, compiled);
    return compiled;
  }

  #compileInline(rule: RateLimitRule): CompiledRule {
    const config = this.#parse(rule);
    const problems = ruleProblems(config);
    if (problems.length > 0) throw invalidArgument(this.#place, `rule.${problems.join('; rule.')}`);
    const { algorithm = 'token-bucket', rate, capacity, perMs = 1000 } = config;
    return this.#compile(INLINE, config, `${INLINE}(${algorithm},${rate},${perMs},${capacity})`);
  }

  #compile(name: string, rule: RateLimitRuleConfig, id?: string): CompiledRule {
    const compiled = compileRule(this.#place.name, name, defined(rule), id);
    return this.#hasStore ? compiled : { ...compiled, local: true };
  }

  #parse(rule: RateLimitRule): RateLimitRuleConfig {
    try {
      return parseConfig(RateLimitRuleConfig, rule, { component: 'ratelimit', instance: this.#place.name });
    } catch (error) {
      if (!isConfigError(error)) throw error;
      throw invalidArgument(this.#place, `rule.${error.problems.join('; rule.')}`);
    }
  }
}

/** Without the members that were left out. */
function defined(rule: RateLimitRuleConfig): RateLimitRule {
  const entries = Object.entries(rule).filter(([, value]) => value !== undefined);
  return { rate: rule.rate, capacity: rule.capacity, ...Object.fromEntries(entries) };
}
