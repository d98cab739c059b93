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
const MOST_CHECKS = 64;
/** As many calls have no answer at once: what is asked meanwhile waits, and goes together. The time limit of a call is its own then. */
const MOST_UNDER_WAY = 4;
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

/**
 * Decisions on their way to the store: those of one turn of the event loop travel together, each for itself, and those that
 * come while `MOST_UNDER_WAY` calls have no answer wait for one. When a call fails, nobody goes on waiting behind it.
 */
export class ScriptCalls {
  readonly #options: ScriptCallsOptions;
  readonly #clustered: boolean;
  /** By tag: what one call can hold. In the order of asking. */
  readonly #waiting = new Map<string, Waiting[]>();
  #awaitsTurn = false;
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
      const tag = this.#tagIn(group[0]?.key ?? '');
      const same = this.#waiting.get(tag);
      if (same === undefined) this.#waiting.set(tag, [{ group, resolve, reject }]);
      else same.push({ group, resolve, reject });
      if (this.#awaitsTurn) return;
      this.#awaitsTurn = true;
      InfraContext.detach(() =>
        setImmediate(() => {
          this.#awaitsTurn = false;
          this.#sendMore();
        }),
      );
    });
  }

  #sendMore(): void {
    const most = this.#clustered ? CLUSTER_TAGS : MOST_UNDER_WAY;
    for (const [tag, waiting] of this.#waiting) {
      if (this.#underWay >= most) return;
      this.#waiting.delete(tag);
      const count = countWithin(waiting, MOST_CHECKS);
      if (count < waiting.length) this.#waiting.set(tag, waiting.slice(count)); // behind the others
      void this.#send(tag, waiting.slice(0, count));
    }
  }

  /** Never rejects: whoever waits is told. */
  async #send(tag: string, calls: readonly Waiting[]): Promise<void> {
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
      const behind = this.#waiting.get(tag) ?? [];
      this.#waiting.delete(tag);
      for (const { reject } of [...calls, ...behind]) reject(error);
    } finally {
      this.#underWay--;
      InfraContext.detach(() => this.#sendMore());
    }
  }

  #tagIn(key: string): string {
    return this.#clustered ? key.slice(0, key.indexOf('}')) : '';
  }
}

/** How many of the first groups hold no more than `most` checks: one at least. */
function countWithin(waiting: readonly Waiting[], most: number): number {
  let checks = 0;
  const beyond = waiting.findIndex(({ group }, index) => (checks += group.length) > most && index > 0);
  return beyond < 0 ? waiting.length : beyond;
}
