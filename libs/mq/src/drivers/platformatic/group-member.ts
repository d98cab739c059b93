import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConnectionPool,
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
  FindCoordinatorKeyTypes,
  heartbeatV4,
  joinGroupV7,
  leaveGroupV4,
  offsetCommitV8,
  syncGroupV5,
  type Admin,
  type Broker,
  type Connection,
} from '@platformatic/kafka';
import { assignPartitions } from '../group-assignment.js';
import type { KafkaOptions } from '../kafka-options.js';
import type { JoinRequest, PartitionOffset, TopicPartition } from '../mq-driver.js';
import { codeOf, isTransient, kafkaErrorOf, memberIdOf, needsRejoin } from './platformatic.errors.js';
import { connectionOptions } from './platformatic.options.js';
import type { Reachability } from './reachability.js';

/** The same as the other driver's: members of one group may use either client. */
const PROTOCOL = 'InfraKitAssigner';
const PROTOCOL_TYPE = 'consumer';
const AGAIN_MS = 200;
/** Beyond the time that the group itself may take. */
const GRACE_MS = 5000;

export interface GroupMemberParts {
  readonly options: KafkaOptions;
  readonly admin: Admin;
  readonly reachability: Reachability;
  readonly request: JoinRequest;
}

type Joined = ReturnType<typeof joinGroupV7.parseResponse>;

const byTopic = (partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] =>
  [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, places]) => ({
    topic,
    partitions: places.map(({ partition }) => partition),
  }));

/**
 * The classic group protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit; Kafka 2.5 and newer), spoken by
 * ourselves: the client's own consumer joins again before anyone could finish and commit, and a commit that is refused
 * makes it join anew and commit under the next generation. A commit here goes under the generation it was meant for.
 */
export class GroupMember {
  readonly #admin: Admin;
  readonly #request: JoinRequest;
  readonly #prompt: ConnectionPool;
  /** JoinGroup and SyncGroup are answered when the others have come, and hold up what is behind them. */
  readonly #patient: ConnectionPool;
  #coordinator: Broker | undefined;
  #memberId = '';
  #generation = -1;
  /** What the leader shared out last; undefined for those that follow. */
  #shared: ReadonlyMap<string, number> | undefined;

  constructor({ options, admin, reachability, request }: GroupMemberParts) {
    this.#admin = admin;
    this.#request = request;
    const { sessionTimeoutMs, rebalanceTimeoutMs } = request;
    const pool = (requestTimeoutMs: number): ConnectionPool => {
      const made = new ConnectionPool(options.clientId, connectionOptions(options, requestTimeoutMs));
      reachability.watch(made);
      return made;
    };
    this.#prompt = pool(Math.min(options.requestTimeoutMs, sessionTimeoutMs));
    this.#patient = pool(Math.max(rebalanceTimeoutMs, sessionTimeoutMs) + GRACE_MS);
  }

  /** Joins, again and again while that may help; the partitions this member got. Rejects when `signal` aborts. */
  async join(signal: AbortSignal): Promise<TopicPartition[]> {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#joinOnce();
      } catch (error) {
        signal.throwIfAborted();
        const id = kafkaErrorOf(error);
        if (id === 'MEMBER_ID_REQUIRED') this.#memberId = memberIdOf(error) ?? '';
        else if (id === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
        else if (needsRejoin(error)) continue;
        else if (!isTransient(error)) throw error;
        else {
          this.#coordinator = undefined;
          await sleep(AGAIN_MS, undefined, { signal });
        }
      }
    }
  }

  /** Says that this member lives. Rejects with what the group answers, as REBALANCE_IN_PROGRESS. */
  async heartbeat(): Promise<void> {
    await this.#ask((connection) =>
      heartbeatV4.api.async(connection, this.#request.group, this.#generation, this.#memberId, null),
    );
  }

  /** Whether this member leads its group and has other partitions to share out than last time. */
  async outgrown(): Promise<boolean> {
    const shared = this.#shared;
    if (shared === undefined) return false;
    const counts = await this.#count(shared.keys());
    return [...counts].some(([topic, count]) => shared.get(topic) !== count);
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    const [generation, memberId] = [this.#generation, this.#memberId];
    const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, places]) => ({
      name,
      partitions: places.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
        committedMetadata: null,
      })),
    }));
    await this.#ask((connection) =>
      offsetCommitV8.api.async(connection, this.#request.group, generation, memberId, null, topics),
    );
  }

  async leave(): Promise<void> {
    if (this.#memberId === '') return;
    const member = { memberId: this.#memberId };
    this.#memberId = '';
    await this.#ask((connection) => leaveGroupV4.api.async(connection, this.#request.group, [member]));
  }

  async close(): Promise<void> {
    await Promise.all([this.#prompt.close(), this.#patient.close()]);
  }

  async #ask<T>(request: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await request(await this.#connection(this.#prompt));
    } catch (error) {
      if (isTransient(error)) this.#coordinator = undefined;
      throw error;
    }
  }

  async #connection(pool: ConnectionPool): Promise<Connection> {
    this.#coordinator ??= await this.#findCoordinator();
    return pool.get(this.#coordinator);
  }

  async #findCoordinator(): Promise<Broker> {
    const { group } = this.#request;
    const [found] = await this.#admin.findCoordinator({
      keyType: FindCoordinatorKeyTypes.GROUP,
      keys: [group],
    });
    if (found === undefined) throw new Error(`no broker coordinates the group ${group}`);
    return { host: found.host, port: found.port };
  }

  async #joinOnce(): Promise<TopicPartition[]> {
    const { group, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#request;
    const metadata = encodeConsumerProtocolSubscription({ version: 0, topics: [...topics] });
    const connection = await this.#connection(this.#patient);
    const joined = await joinGroupV7.api.async(
      connection,
      group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      this.#memberId,
      null,
      PROTOCOL_TYPE,
      [{ name: PROTOCOL, metadata }],
    );
    const { memberId, generationId, leader } = joined;
    [this.#memberId, this.#generation] = [memberId, generationId];
    this.#shared = undefined;
    const shares = leader === memberId ? await this.#shareOut(joined) : [];
    const { assignment } = await syncGroupV5.api.async(
      connection,
      group,
      generationId,
      memberId,
      null,
      PROTOCOL_TYPE,
      joined.protocolName,
      shares,
    );
    return assignment.length === 0
      ? []
      : decodeConsumerProtocolAssignment(assignment).assignedPartitions.flatMap(({ topic, partitions }) =>
          partitions.map((partition) => ({ topic, partition })),
        );
  }

  /** The leader's part. A topic that is gone is nobody's. */
  async #shareOut({ members }: Joined): Promise<{ memberId: string; assignment: Buffer }[]> {
    const wanted = members.map(({ memberId, metadata }) => ({
      id: memberId,
      topics: decodeConsumerProtocolSubscription(metadata).topics,
    }));
    const counts = await this.#count(new Set(wanted.flatMap(({ topics }) => topics)));
    this.#shared = counts;
    const shares = assignPartitions(wanted, (topic) => counts.get(topic) ?? 0);
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeConsumerProtocolAssignment({ version: 0, assignedPartitions: byTopic(partitions) }),
    }));
  }

  async #count(names: Iterable<string>): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const topic of names) {
      const metadata = await this.#admin
        .metadata({ topics: [topic], forceUpdate: true })
        .catch((error: unknown) => {
          if (codeOf(error) === 'NOT_FOUND') return undefined;
          throw error;
        });
      counts.set(topic, metadata?.topics.get(topic)?.partitionsCount ?? 0);
    }
    return counts;
  }
}
