import { AssignerProtocol, type Cluster, type PartitionAssigner } from 'kafkajs';
import { assignPartitions } from '../group-assignment.js';

const NAME = 'InfraKitAssigner';
const VERSION = 0;

/**
 * Shares out by what each member has subscribed to; kafkajs' own assigner gives every topic to every member.
 * `beforeJoin` is waited for whenever this member is about to join, which gives up its partitions. The client has no
 * hook for that, but hands its cluster to assigners, and looks for the coordinator first of all when it joins.
 */
export function assignerWith(beforeJoin: () => Promise<void>): PartitionAssigner {
  return ({ cluster }) => {
    rememberNodes(cluster);
    const find = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      await beforeJoin();
      return find(group);
    };
    return {
      name: NAME,
      version: VERSION,
      protocol: ({ topics }) => ({
        name: NAME,
        metadata: AssignerProtocol.MemberMetadata.encode({
          version: VERSION,
          topics,
          userData: Buffer.alloc(0),
        }),
      }),
      assign: async ({ members }) => {
        const wishes = members.map(({ memberId, memberMetadata }) => ({
          id: memberId,
          topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
        }));
        await knowTopics(cluster, [...new Set(wishes.flatMap(({ topics }) => topics))]);
        const shares = assignPartitions(wishes, (topic) => cluster.findTopicPartitionMetadata(topic).length);
        return members.map(({ memberId }) => {
          const assignment: Record<string, number[]> = {};
          for (const { topic, partition } of shares.get(memberId) ?? [])
            (assignment[topic] ??= []).push(partition);
          const encoded = { version: VERSION, assignment, userData: Buffer.alloc(0) };
          return { memberId, memberAssignment: AssignerProtocol.MemberAssignment.encode(encoded) };
        });
      },
    };
  };
}

/**
 * A consumer that has lost its last broker has none to ask, and crashes at once; its place in the group then stays taken
 * until the session ends. So it goes on asking the brokers it knew, and has its place when they are back.
 */
function rememberNodes(cluster: Cluster): void {
  const nodeIds = cluster.getNodeIds.bind(cluster);
  let known: number[] = [];
  cluster.getNodeIds = () => {
    const now = nodeIds();
    if (now.length > 0) known = now;
    return known;
  };
}

/** The leader shares out topics, too, that only others read. */
async function knowTopics(cluster: Cluster, topics: string[]): Promise<void> {
  if (topics.some((topic) => cluster.findTopicPartitionMetadata(topic).length === 0))
    await cluster.addMultipleTargetTopics(topics);
}
