import { PendingCalls } from './pending-calls.js';
import { rendezvousScore } from './rendezvous.js';
import type { ServiceInstance } from './service-instance.js';

export type PickStrategy = 'round-robin' | 'random' | 'least-pending' | 'consistent-hash';

export interface PickRequest {
  readonly strategy: PickStrategy;
  /** For consistent-hash. */
  readonly hashKey: string;
  /** Instances of this zone are preferred; where there are none, all take part. */
  readonly zone?: string | undefined;
}

export interface PickDeps {
  /** In [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const weightOf = ({ weight = 1 }: ServiceInstance): number => weight;

/** The candidate with the highest score, the first of equals. */
function best(
  candidates: readonly ServiceInstance[],
  score: (candidate: ServiceInstance) => number,
): ServiceInstance | undefined {
  let found: ServiceInstance | undefined;
  let highest = -Infinity;
  for (const candidate of candidates) {
    const own = score(candidate);
    if (own <= highest) continue;
    highest = own;
    found = candidate;
  }
  return found;
}

/** Chooses among the instances of one service, and remembers what its strategies need: turns taken, calls under way. */
export class Picker {
  readonly #deps: PickDeps;
  readonly #turns = new Map<string, Map<string, number>>();
  readonly #pending = new Map<string, PendingCalls>();
  readonly #lastPicked = new Map<string, number>();
  #picks = 0;

  constructor(deps: PickDeps) {
    this.#deps = deps;
  }

  /** Undefined when there is nobody who takes calls. */
  pick(instances: readonly ServiceInstance[], request: PickRequest): ServiceInstance | undefined {
    const takers = instances.filter((instance) => weightOf(instance) > 0);
    const near = takers.filter(({ zone }) => request.zone !== undefined && zone === request.zone);
    const candidates = near.length > 0 ? near : takers;
    switch (request.strategy) {
      case 'round-robin':
        return this.#inTurn(candidates, near.length > 0 ? `zone ${request.zone}` : '');
      case 'random':
        return this.#atRandom(candidates);
      case 'least-pending':
        return this.#leastPending(candidates);
      case 'consistent-hash':
        return best(candidates, (one) => rendezvousScore(request.hashKey, one.id, weightOf(one)));
    }
  }

  /** Counts a call to an instance; the result ends it, once. */
  began(id: string): () => void {
    let calls = this.#pending.get(id);
    if (calls === undefined) this.#pending.set(id, (calls = new PendingCalls()));
    this.#lastPicked.set(id, ++this.#picks);
    return calls.begin(this.#deps.now());
  }

  /** Forgets what is remembered of instances that are gone. */
  retain(ids: ReadonlySet<string>): void {
    for (const memory of [this.#pending, this.#lastPicked, ...this.#turns.values()])
      for (const id of memory.keys()) if (!ids.has(id)) memory.delete(id);
  }

  /** Smooth weighted round robin (nginx, I. Sysoev 2012): no instance gets its turns in a burst. */
  #inTurn(candidates: readonly ServiceInstance[], group: string): ServiceInstance | undefined {
    let turns = this.#turns.get(group);
    if (turns === undefined) this.#turns.set(group, (turns = new Map<string, number>()));
    let total = 0;
    for (const candidate of candidates) {
      total += weightOf(candidate);
      turns.set(candidate.id, (turns.get(candidate.id) ?? 0) + weightOf(candidate));
    }
    const chosen = best(candidates, ({ id }) => turns.get(id) ?? 0);
    if (chosen !== undefined) turns.set(chosen.id, (turns.get(chosen.id) ?? 0) - total);
    return chosen;
  }

  #atRandom(candidates: readonly ServiceInstance[]): ServiceInstance | undefined {
    const total = candidates.reduce((sum, candidate) => sum + weightOf(candidate), 0);
    let left = this.#deps.random() * total;
    return candidates.find((candidate) => (left -= weightOf(candidate)) < 0) ?? candidates.at(-1);
  }

  /** Fewest calls under way for its weight; among equals the one whose last turn is longest ago. */
  #leastPending(candidates: readonly ServiceInstance[]): ServiceInstance | undefined {
    const now = this.#deps.now();
    const load = (one: ServiceInstance): number =>
      ((this.#pending.get(one.id)?.count(now) ?? 0) + 1) / weightOf(one);
    const least = Math.min(...candidates.map((candidate) => load(candidate)));
    const equals = candidates.filter((candidate) => load(candidate) === least);
    return best(equals, ({ id }) => -(this.#lastPicked.get(id) ?? 0));
  }
}
