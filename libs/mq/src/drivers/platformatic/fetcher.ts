import {
  FetchIsolationLevels,
  type ClusterMetadata,
  type Consumer,
  type FetchOptions,
} from '@platformatic/kafka';
import type { JoinRequest, PartitionOffset, RecordBatch, TopicPartition } from '../mq-driver.js';
import { fetchedRecords, type FetchedPartition, type FetchResponse } from './fetched-records.js';
import { needsRejoin } from './platformatic.errors.js';

const OFFSET_OUT_OF_RANGE = 1;
const AGAIN_MS = 100;
const LONGEST_AGAIN_MS = 1000;

type RequestedTopics = FetchOptions<Buffer, Buffer, Buffer, Buffer>['topics'];

interface Position {
  readonly topic: string;
  readonly partition: number;
  offset: bigint;
  paused: boolean;
}

export interface FetcherParts {
  readonly client: Consumer;
  readonly request: JoinRequest;
  readonly records: (batch: RecordBatch) => void;
  /** A fetch came back. */
  readonly polled: () => void;
}

const placeOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`;

/** The response that came along with an error of single partitions. */
function responseOf(error: unknown): FetchResponse | undefined {
  const response: unknown = Reflect.get(Object(error), 'response');
  return Array.isArray(Reflect.get(Object(response), 'responses')) ? (response as FetchResponse) : undefined;
}

/**
 * Fetches what is wanted: one request at a time to each broker, for all partitions it leads that are not paused; the
 * next one goes when the last one's records have been handed on. What fails is tried again until the fetcher stops.
 */
export class Fetcher {
  readonly #parts: FetcherParts;
  #positions = new Map<string, Position>();
  readonly #flying = new Set<number>();
  #planning = false;
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /** True when there is nothing to fetch: all is paused, or nothing assigned. */
  get idle(): boolean {
    return ![...this.#positions.values()].some(({ paused }) => !paused);
  }

  /** From now on these and no others. */
  start(places: readonly PartitionOffset[]): void {
    this.#positions = new Map(places.map((place) => [placeOf(place), { ...place, paused: false }]));
    // the client asks about all topics that it tracks: one that was deleted would fail them all
    this.#parts.client.topics.clear();
    this.#parts.client.topics.trackAll(...this.#topics);
    this.#pump();
  }

  stop(): void {
    this.#positions = new Map();
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const position of this.#known(partitions)) position.paused = true;
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const position of this.#known(partitions)) position.paused = false;
    this.#pump();
  }

  /** A new position, so that what is under way belongs to the old one. */
  seek(place: PartitionOffset): void {
    for (const { paused } of this.#known([place])) this.#positions.set(placeOf(place), { ...place, paused });
    this.#pump();
  }

  get #topics(): string[] {
    return [...new Set([...this.#positions.values()].map(({ topic }) => topic))];
  }

  #known(partitions: readonly TopicPartition[]): Position[] {
    return partitions
      .map((partition) => this.#positions.get(placeOf(partition)))
      .filter((position) => position !== undefined);
  }

  #pump(): void {
    if (this.#planning || this.#pause !== undefined || this.idle) return;
    this.#planning = true;
    void this.#plan().then(
      () => {
        this.#planning = false;
      },
      () => {
        this.#planning = false;
        this.#later();
      },
    );
  }

  /** Whose turn it is, by the brokers that lead: metadata is asked for when it is old, or was dropped after an error. */
  async #plan(): Promise<void> {
    const { client } = this.#parts;
    const metadata = await client.metadata({ topics: this.#topics });
    const wanted = [...this.#positions.values()].filter(({ paused }) => !paused);
    const leaderOf = ({ topic, partition }: Position): number =>
      metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1;
    const byLeader = Map.groupBy(wanted, leaderOf);
    if (byLeader.delete(-1)) client.clearMetadata();
    if (byLeader.size === 0) return this.#later();
    for (const [node, positions] of byLeader)
      if (!this.#flying.has(node)) void this.#fly(node, positions, metadata);
  }

  async #fly(node: number, positions: readonly Position[], metadata: ClusterMetadata): Promise<void> {
    const { client, request, polled } = this.#parts;
    this.#flying.add(node);
    const names = new Map([...metadata.topics].map(([name, topic]) => [topic.id, name]));
    try {
      const response = await client.fetch({
        node,
        topics: this.#requestFor(positions, metadata),
        minBytes: 1,
        maxBytes: request.maxBytes,
        maxWaitTime: Math.min(request.maxWaitMs, request.heartbeatIntervalMs),
        isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      });
      this.#failures = 0;
      this.#flying.delete(node);
      polled();
      this.#take(response, names, positions);
      this.#pump();
    } catch (error) {
      this.#flying.delete(node);
      const response = responseOf(error);
      if (response !== undefined && !needsRejoin(error)) this.#take(response, names, positions);
      client.clearMetadata();
      this.#later();
    }
  }

  #requestFor(positions: readonly Position[], metadata: ClusterMetadata): RequestedTopics {
    const { maxBytesPerPartition } = this.#parts.request;
    return [...Map.groupBy(positions, ({ topic }) => topic)].map(([topic, places]) => ({
      topicId: metadata.topics.get(topic)?.id ?? topic,
      partitions: places.map(({ partition, offset }) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: offset,
        lastFetchedEpoch: -1,
        partitionMaxBytes: maxBytesPerPartition,
      })),
    }));
  }

  /** Hands on what belongs to positions that are still wanted; `asked`: as they were when it was asked for. */
  #take(response: FetchResponse, names: ReadonlyMap<string, string>, asked: readonly Position[]): void {
    for (const { topicId, partitions } of response.responses)
      for (const fetched of partitions) {
        const topic = names.get(topicId) ?? topicId;
        const position = this.#positions.get(placeOf({ topic, partition: fetched.partitionIndex }));
        if (position === undefined || position.paused || !asked.includes(position)) continue;
        if (fetched.errorCode === 0) this.#deliver(position, fetched);
        else if (fetched.errorCode === OFFSET_OUT_OF_RANGE) void this.#backInRange(position);
      }
  }

  #deliver(position: Position, fetched: FetchedPartition): void {
    const { topic, partition } = position;
    const { records, next } = fetchedRecords(fetched, position.offset);
    position.offset = next;
    if (records.length > 0)
      this.#parts.records({ topic, partition, records, highWatermark: fetched.highWatermark });
  }

  /** The log was cut, by retention or by hand: to the nearer end of what is there. */
  async #backInRange(position: Position): Promise<void> {
    const { topic, partition } = position;
    const ends = [-2n, -1n].map((timestamp) =>
      this.#parts.client.listOffsets({ topics: [topic], partitions: { [topic]: [partition] }, timestamp }),
    );
    const [low, high] = (await Promise.all(ends).catch(() => [])).map(
      (found) => found.get(topic)?.[partition],
    );
    if (low === undefined || high === undefined) return; // it is out of range at the next fetch as well
    if (position.offset < low) position.offset = low;
    else if (position.offset > high) position.offset = high;
  }

  #later(): void {
    if (this.#pause !== undefined || this.#positions.size === 0) return;
    const waitMs = Math.min(LONGEST_AGAIN_MS, AGAIN_MS * 2 ** this.#failures++);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, waitMs);
  }
}
