import type { CacheProvider } from '@infra-kit/cache';
import { ConfigError, isConfigError, parseConfig } from '@infra-kit/kernel';
import { BreakerConfig, BreakerPolicyConfig, type BreakerOptions } from './breaker.config.js';
import {
  mergePolicies,
  policyProblems,
  type BreakerPolicyOptions,
  type PartialPolicy,
} from './breaker.policy.js';
import type { WindowShape } from './circuit/outcome-window.js';

const COMPONENT = 'breaker';
const PREDICATES = ['isFailure', 'isIgnored'] as const;

type Plain = Record<string, unknown>;

const isObject = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A policy without its functions, which are no data: the parser would call them. */
function dataOf(policy: unknown): unknown {
  if (!isObject(policy)) return policy;
  const { isFailure: _isFailure, isIgnored: _isIgnored, ...data } = policy;
  return data;
}

function predicateProblems(policy: unknown, path: string): string[] {
  if (!isObject(policy)) return [];
  return PREDICATES.filter((name) => policy[name] !== undefined && typeof policy[name] !== 'function').map(
    (name) => `${path}${name}: must be a function of the error`,
  );
}

const entriesOf = (policies: unknown): [string, unknown][] => {
  if (policies instanceof Map) return [...policies].map(([name, policy]) => [String(name), policy]);
  return isObject(policies) ? Object.entries(policies) : [];
};

/** Plain, without fields that say nothing, with the functions that were given. */
function policyOf(parsed: BreakerPolicyOptions, given: unknown): PartialPolicy {
  const { window } = parsed;
  const functions = isObject(given) ? { isFailure: given['isFailure'], isIgnored: given['isIgnored'] } : {};
  return mergePolicies(parsed, window && { window: shapeOf(window) }, functions as BreakerPolicyOptions);
}

/** Equal shapes compare as equal, whoever wrote them. */
function shapeOf(window: WindowShape): WindowShape {
  if (window.type === 'count') return { type: 'count', size: window.size };
  const { ms, buckets = 10 } = window;
  return { type: 'time', ms, buckets };
}

function problemsOf(check: () => void): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/** A policy given to one breaker, checked by itself. @throws ConfigError naming every bad field. */
export function parsePolicy(options: unknown, instance: string, breaker: string): PartialPolicy {
  let parsed: BreakerPolicyOptions = {};
  const problems = [
    ...problemsOf(() => {
      parsed = parseConfig(BreakerPolicyConfig, dataOf(options), { component: COMPONENT, instance });
    }),
    ...predicateProblems(options, ''),
  ];
  if (problems.length > 0)
    throw new ConfigError(
      COMPONENT,
      problems.map((problem) => `'${breaker}': ${problem}`),
      instance,
    );
  return policyOf(parsed, options);
}

/** `true` is written for the defaults of sharing, `false` for none; a ready cache is no data. */
function shareData(share: unknown): unknown {
  if (share === true) return {};
  if (!isObject(share)) return share === false ? undefined : share;
  const { cache, ...data } = share;
  return typeof cache === 'object' ? data : share;
}

/** A ready cache that stands in for its name. */
export function readyCache({ share }: BreakerOptions): CacheProvider | undefined {
  return typeof share === 'object' && typeof share.cache === 'object' ? share.cache : undefined;
}

/** Fields of policies that do not fit each other, what `default` says included. */
function misfits({ default: base, policies }: BreakerConfig): string[] {
  const own = policyProblems(mergePolicies(base)).map((problem) => `default.${problem}`);
  const named = [...policies].flatMap(([name, policy]) =>
    policyProblems(mergePolicies(base, policy)).map((problem) => `policies.${name}.${problem}`),
  );
  return own.length > 0 ? own : named;
}

/** @throws ConfigError naming every bad field, those that do not fit each other included. */
export function parseBreakerConfig(
  options: unknown,
  { instance }: { readonly instance: string },
): BreakerConfig {
  if (!isObject(options)) return parseConfig(BreakerConfig, options, { component: COMPONENT, instance });
  const { default: base, policies, share, ...rest } = options;
  const named = entriesOf(policies);
  const data = {
    ...rest,
    share: shareData(share),
    default: dataOf(base),
    policies: new Map(named.map(([name, policy]) => [name, dataOf(policy)])),
  };
  let config: BreakerConfig | undefined;
  const problems = [
    ...problemsOf(() => {
      config = parseConfig(BreakerConfig, data, { component: COMPONENT, instance });
    }),
    ...(policies === undefined || isObject(policies)
      ? []
      : ['policies: must be an object of named policies']),
    ...predicateProblems(base, 'default.'),
    ...named.flatMap(([name, policy]) => predicateProblems(policy, `policies.${name}.`)),
  ];
  if (config !== undefined) {
    const given = new Map(named);
    config.default = policyOf(config.default, base);
    config.policies = new Map(
      [...config.policies].map(([name, policy]) => [name, policyOf(policy, given.get(name))]),
    );
    problems.push(...misfits(config));
  }
  if (config === undefined || problems.length > 0) throw new ConfigError(COMPONENT, problems, instance);
  return config;
}

/** A document of the configuration centre over what the code said: each policy field by field. */
export function overlay(options: BreakerOptions, document: unknown): unknown {
  if (!isObject(document)) return document;
  const names = new Set(
    [...entriesOf(options.policies), ...entriesOf(document['policies'])].map(([name]) => name),
  );
  const [before, after] = [new Map(entriesOf(options.policies)), new Map(entriesOf(document['policies']))];
  const merged = (below: unknown, above: unknown): unknown =>
    isObject(below) && isObject(above) ? { ...below, ...above } : (above ?? below);
  return {
    ...options,
    ...document,
    default: merged(options.default, document['default']),
    ...((document['policies'] === undefined || isObject(document['policies'])) && {
      policies: new Map([...names].map((name) => [name, merged(before.get(name), after.get(name))])),
    }),
  };
}
