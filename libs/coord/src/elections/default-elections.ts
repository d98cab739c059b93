import { InfraContext, type CallOptions } from '@infra-kit/kernel';
import { invalidArgument, shown } from '../coord.errors.js';
import { claimFront } from '../operations/claim-front.js';
import { claimsUnder, type ClaimQueue } from '../operations/claim-queue.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { endable } from '../operations/endable.js';
import { followRange } from '../operations/range-follower.js';
import type { CampaignOptions, Elections, Leadership, ObserveOptions } from './elections.js';
import { HeldLeadership } from './held-leadership.js';

interface Candidate {
  readonly value: string;
  readonly revision: bigint;
}

/** Elections over queues of claims: who is first in the queue leads. */
export class DefaultElections implements Elections {
  readonly #engine: CoordEngine;
  readonly #queue: ClaimQueue;
  readonly #closing: AbortSignal;

  constructor(engine: CoordEngine, queue: ClaimQueue, closing: AbortSignal) {
    this.#engine = engine;
    this.#queue = queue;
    this.#closing = closing;
  }

  async campaign(name: string, options: CampaignOptions): Promise<Leadership> {
    const { runner, place } = this.#engine;
    runner.checkOpen();
    const { value, waitMs = Infinity, ...limits } = options ?? {};
    if (typeof value !== 'string' || !value.isWellFormed())
      throw invalidArgument(place, `campaign: value must be a text, got ${shown(value)}`);
    const front = claimFront(this.#engine, this.#queue, {
      part: 'elections',
      noun: 'leadership',
      kind: 'leader',
      group: 'elections',
      value,
    });
    return new HeldLeadership(await front.acquire(name, { ...limits, waitMs }));
  }

  async leader(name: string, options?: CallOptions): Promise<string | undefined> {
    const { runner, driver } = this.#engine;
    runner.checkOpen();
    const query = { prefix: this.#claims(name), orderBy: 'create', limit: 1 } as const;
    const { kvs } = await runner.run('range', options, (call) => driver.range(query, call));
    return kvs[0]?.value;
  }

  observe(name: string, { signal }: ObserveOptions = {}): AsyncIterableIterator<string | undefined> {
    const engine = this.#engine;
    const claims = (): string => this.#claims(name);
    return endable([this.#closing, signal], async function* (until) {
      engine.runner.checkOpen();
      yield* leaders(engine, claims(), until);
    });
  }

  #claims(name: string): string {
    const { keys } = this.#engine;
    return claimsUnder(`${keys.root('elections')}${keys.path(name, 'name')}`);
  }
}

/** The first of the queue, and each new one. */
async function* leaders(
  engine: CoordEngine,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<string | undefined> {
  const candidates = new Map<string, Candidate>();
  let told: Candidate | undefined | 'nothing' = 'nothing';
  for await (const news of InfraContext.detach(() => followRange(engine, { prefix }, { signal }))) {
    if (news.type !== 'changes') continue;
    for (const change of news.changes) {
      if (change.type === 'delete') candidates.delete(change.key);
      else candidates.set(change.key, change);
    }
    // a claim is written once, so its revision is its place in the queue
    const [leader] = [...candidates.values()].toSorted((a, b) => Number(a.revision - b.revision));
    if (told !== 'nothing' && told?.revision === leader?.revision) continue;
    told = leader;
    yield leader?.value;
  }
}
