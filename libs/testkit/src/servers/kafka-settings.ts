import { join } from 'node:path';
import type { SecureListener } from './secure-listener.js';
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

/** The keystore of a broker with a secure listener. */
export const keystoreFile = ({ folder }: Pick<ServerPlace, 'folder'>): string => join(folder, 'broker.p12');

const LOGIN = 'org.apache.kafka.common.security';

/** What goes before each setting that holds for this listener only, and the settings. */
function secureSettings({ username, password }: SecureListener, keystore: string): Record<string, string> {
  const settings = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'plain.sasl.jaas.config': `${LOGIN}.plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-256.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
    'scram-sha-512.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.location': keystore,
    'ssl.keystore.password': password,
    'ssl.key.password': password,
  };
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`listener.name.secure.${name}`, value]),
  );
}

/** The server.properties of a broker at this place, with its data in `data`. */
export function propertiesFile(place: ServerPlace): string {
  const { port, peerPort, innerPort, advertisedPort, folder, secure } = place;
  const secureListener = secure === undefined ? '' : `,SECURE://127.0.0.1:${secure.port}`;
  const settings = {
    ...SETTINGS,
    ...(secure === undefined
      ? {}
      : {
          ...secureSettings(secure, keystoreFile(place)),
          'listener.security.protocol.map': `${SETTINGS['listener.security.protocol.map']},SECURE:SASL_SSL`,
        }),
    listeners: `${listeners('127.0.0.1', [port, innerPort])}${secureListener},CONTROLLER://127.0.0.1:${peerPort}`,
    'advertised.listeners': `${listeners('127.0.0.1', [advertisedPort, innerPort])}${secureListener}`,
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
