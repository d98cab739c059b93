import { join } from 'node:path';
import type { ServerPlace } from './server-recipe.js';

/** One node that is broker and controller, quick to start and to forget, and small. */
const SETTINGS: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
  // the broker sends its transaction markers to itself: not by way of a proxy that a test breaks
  'inter.broker.listener.name': 'INNER',
  'auto.create.topics.enable': 'false',
  'default.replication.factor': '1',
  'min.insync.replicas': '1',
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'controlled.shutdown.enable': 'false',
  // a killed broker comes back only when its former registration has expired
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'log.cleaner.dedupe.buffer.size': '4194304',
  'num.network.threads': '2',
  'num.io.threads': '2',
  'background.threads': '2',
};

function listeners(host: string, ports: readonly [client: number, inner: number]): string {
  return `PLAINTEXT://${host}:${ports[0]},INNER://${host}:${ports[1]}`;
}

/** The server.properties of a broker at this place, with its data in `data`. */
export function propertiesFile({ port, peerPort, innerPort, advertisedPort, folder }: ServerPlace): string {
  const settings = {
    ...SETTINGS,
    listeners: `${listeners('127.0.0.1', [port, innerPort])},CONTROLLER://127.0.0.1:${peerPort}`,
    'advertised.listeners': listeners('127.0.0.1', [advertisedPort, innerPort]),
    'controller.quorum.voters': `1@127.0.0.1:${peerPort}`,
    'log.dirs': join(folder, 'data'),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The same as variables of the official image: KAFKA_NODE_ID for node.id. */
export function containerSettings(advertisedPort: number): Record<string, string> {
  const settings = {
    ...SETTINGS,
    listeners: 'PLAINTEXT://:9092,INNER://:9094,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort},INNER://127.0.0.1:9094`,
    'controller.quorum.voters': '1@127.0.0.1:9093',
    'log.dirs': '/tmp/kafka-logs',
  };
  const variables = Object.entries(settings).map(([name, value]) => [
    `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`,
    value,
  ]);
  return { ...Object.fromEntries(variables), KAFKA_HEAP_OPTS: '-Xms128m -Xmx384m' };
}
