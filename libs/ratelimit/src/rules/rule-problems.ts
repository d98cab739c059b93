import type { RateLimitRuleConfig } from '../ratelimit.config.js';
import { mostTokens } from './compiled-rule.js';

/** A name is part of keys, header fields and metric labels. */
const RULE_NAME = /^[\w.-]{1,100}$/;

/** What no single field shows. */
export function ruleProblems(rule: RateLimitRuleConfig): string[] {
  const { lease, algorithm, rate, perMs, capacity, scope } = rule;
  const problems: string[] = [];
  if (algorithm === 'concurrency' && Math.floor(capacity) !== capacity)
    problems.push(`capacity: slots are whole (got ${capacity})`);
  const most = mostTokens(rate, perMs ?? 1000);
  if (capacity > most)
    problems.push(`capacity: at this rate at most ${most} tokens can be counted exactly (got ${capacity})`);
  if (lease === undefined) return problems;
  if ((algorithm ?? 'token-bucket') !== 'token-bucket')
    problems.push(`lease: only a token bucket gives leases, not ${algorithm}`);
  if (scope === 'local') problems.push('lease: a local rule has nothing to draw from');
  if (lease.size > capacity / 2)
    problems.push(`lease.size: must be at most half of the capacity, ${capacity / 2} (got ${lease.size})`);
  return problems;
}

export function allRuleProblems(rules: ReadonlyMap<string, RateLimitRuleConfig>): string[] {
  return [...rules].flatMap(([name, rule]) => [
    ...(RULE_NAME.test(name)
      ? []
      : [`rules.${name}: a name consists of up to 100 letters, digits, '.', '_' and '-'`]),
    ...ruleProblems(rule).map((problem) => `rules.${name}.${problem}`),
  ]);
}
