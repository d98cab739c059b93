import type { RateLimitRule } from '../ratelimit.provider.js';
import type { RateLimitKey } from '../ratelimit.config.js';

/** What `@RateLimit` takes beside a rule's name. */
export interface RateLimitUse {
  readonly rule: string | RateLimitRule;
  /**
   * For whom: the resource, or several, each of which is charged. At an edge it gets the ExecutionContext, anywhere else
   * the method's arguments; `this` is the instance. Default: at an edge what `keyBy` says, else the method itself.
   */
  readonly key?: RateLimitKey | undefined;
  /** Tokens, or how many this call takes; default 1. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the contract's signature of key functions
  readonly cost?: number | ((...args: any[]) => number) | undefined;
  /** True: this call is not counted. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the contract's signature of key functions
  readonly skip?: ((...args: any[]) => boolean) | undefined;
  /** On a method: the class' rules do not count for it. */
  readonly override?: boolean | undefined;
}

/** All `@RateLimit` that one wrapper stands for, and what stands below it on the same method. */
export interface UseList {
  readonly uses: RateLimitUse[];
  /** The method with its wrapper: a list found on another function belongs to something below. */
  wrapper: unknown;
  readonly below: UseList | undefined;
}

export const USES = 'infra-kit:ratelimit:uses';
export const CLASS_USES = 'infra-kit:ratelimit:class-uses';
/** An empty list skips every rule. */
export const SKIPPED = 'infra-kit:ratelimit:skipped';

export function useListOf(method: unknown): UseList | undefined {
  return typeof method === 'function'
    ? (Reflect.getOwnMetadata(USES, method) as UseList | undefined)
    : undefined;
}

export function ownUses(method: unknown): RateLimitUse[] {
  const found: RateLimitUse[] = [];
  for (let list = useListOf(method); list !== undefined; list = list.below) found.push(...list.uses);
  return found;
}

export function skippedBy(target: unknown): readonly string[] | undefined {
  return typeof target === 'function'
    ? (Reflect.getMetadata(SKIPPED, target) as readonly string[] | undefined)
    : undefined;
}

const nameOf = ({ rule }: RateLimitUse): string | undefined => (typeof rule === 'string' ? rule : undefined);

/** What tells uses of one rule apart from others: its name, or the very object. */
export const identityOf = ({ rule }: RateLimitUse): unknown => rule;

/** True when `@SkipRateLimit` of the method or its class takes the rule (`undefined`: any) out. */
export function isSkipped(rule: string | undefined, cls: unknown, method: unknown): boolean {
  return [skippedBy(method), skippedBy(cls)].some(
    (names) => names !== undefined && (names.length === 0 || (rule !== undefined && names.includes(rule))),
  );
}

/** The rules of a method of a class: the class' first, each once. */
export function usesOf(cls: unknown, method: unknown): RateLimitUse[] {
  const own = ownUses(method);
  const inherited =
    typeof cls === 'function' && !own.some(({ override }) => override === true)
      ? ((Reflect.getMetadata(CLASS_USES, cls) ?? []) as readonly RateLimitUse[])
      : [];
  return [...inherited, ...own].filter((use) => !isSkipped(nameOf(use), cls, method));
}
