import type { CacheProvider } from '@infra-kit/cache';
import { InfraContext, isInfraError, withDeadline } from '@infra-kit/kernel';
import type { Group, Verdict } from '../algorithms/decide.js';
import { storeDuration } from '../ratelimit.telemetry.js';
import { decideScript, encodeCall } from '../scripts/decide.script.js';

interface Waiting {
  readonly group: Group;
  readonly resolve: (verdicts: readonly Verdict[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface ScriptCallsOptions {
  readonly cache: CacheProvider;
  readonly name: string;
  readonly owner: string;
  readonly timeoutMs: () => number;
}

/** A script call blocks the server while it runs: no more checks than this in one. */
const MOST_CHECKS = 256;
/** On a cluster accounts are spread over this many hash tags, so that those of one turn share few calls. */
const CLUSTER_TAGS = 64;
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a: which tag a resource's accounts carry. All rules of one resource share it. */
function tagOf(resource: string): number {
  let hash = FNV_BASIS;
  for (let at = 0; at < resource.length; at++)
    hash = Math.imul(hash ^ resource.charCodeAt(at), FNV_PRIME) >>> 0;
  return hash % CLUSTER_TAGS;
}

/** ioredis' own mark of a cluster client; nothing else of it is touched. */
function isCluster(native: unknown): boolean {
  return typeof native === 'object' && native !== null && Reflect.get(native, 'isCluster') === true;
}

/** Decisions on their way to the store: those of one turn of the event loop travel together, each for itself. */
export class ScriptCalls {
  readonly #options: ScriptCallsOptions;
  readonly #clustered: boolean;
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(options: ScriptCallsOptions) {
    this.#options = options;
    this.#clustered = isCluster(options.cache.native);
  }

  /** Calls that were sent and have no answer yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** On a cluster the tag keeps a resource's accounts in one slot. */
  keyOf(prefix: string, resource: string): string {
    return this.#clustered ? `{rl${tagOf(resource)}}${prefix}${resource}` : `rl:${prefix}${resource}`;
  }

  /** True when one script call can hold both: always, but for different tags on a cluster. */
  canShare(one: string, other: string): boolean {
    return this.#tagIn(one) === this.#tagIn(other);
  }

  ask(group: Group): Promise<readonly Verdict[]> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ group, resolve, reject }) === 1)
        InfraContext.detach(() => setImmediate(() => this.#flush()));
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const open = new Map<string, { calls: Waiting[]; checks: number }>();
    for (const one of waiting) {
      const tag = this.#tagIn(one.group[0]?.key ?? '');
      let part = open.get(tag);
      if (part !== undefined && part.checks + one.group.length > MOST_CHECKS) {
        void this.#send(part.calls);
        part = undefined;
      }
      if (part === undefined) open.set(tag, (part = { calls: [], checks: 0 }));
      part.calls.push(one);
      part.checks += one.group.length;
    }
    for (const { calls } of open.values()) void this.#send(calls);
  }

  /** Never rejects: whoever waits is told. */
  async #send(calls: readonly Waiting[]): Promise<void> {
    const { cache, owner, name, timeoutMs } = this.#options;
    const { keys, args } = encodeCall(
      calls.map(({ group }) => group),
      owner,
    );
    const started = performance.now();
    const record = (outcome: string): void =>
      storeDuration.record((performance.now() - started) / 1000, { ratelimit: name, outcome });
    this.#underWay++;
    try {
      const verdicts = await withDeadline({ timeoutMs: timeoutMs() }, Infinity, 'ratelimit.store', (signal) =>
        cache.scripts.run(decideScript, keys, args, { signal }),
      );
      record('ok');
      let at = 0;
      for (const { group, resolve } of calls) resolve(verdicts.slice(at, (at += group.length)));
    } catch (error) {
      record(isInfraError(error) ? error.code : 'INTERNAL');
      for (const { reject } of calls) reject(error);
    } finally {
      this.#underWay--;
    }
  }

  #tagIn(key: string): string {
    return this.#clustered ? key.slice(0, key.indexOf('}')) : '';
  }
}
