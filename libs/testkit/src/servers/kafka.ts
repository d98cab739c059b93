import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../process/free-port.js';
import { until } from '../process/poll.js';
import { knownProcess, newServerFolder, recordProcess, releaseFolder } from '../process/run-folder.js';
import { findJava, type Java } from '../testbed/java.js';
import { copyTree, template } from '../testbed/template.js';
import { installed } from '../testbed/testbed-home.js';
import { placeOf } from './address.js';
import { containerSettings, keystoreFile, propertiesFile } from './kafka-settings.js';
import type { NativeProgram, ServerPlace, ServerRecipe } from './server-recipe.js';

const PROBE_TIMEOUT_MS = 1_000;
const START_TIMEOUT_MS = 60_000;
const JAVA = 17;
const CLUSTER = 'aW5mcmEta2l0LXRlc3RiZQ';

/** ApiVersions, version 0, with correlation id 7 and no client id: what every client asks first. */
const API_VERSIONS = Buffer.from('0000000a0012000000000007ffff', 'hex');

function answersApiVersions(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(placeOf(address, 9092));
    const answer = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(PROBE_TIMEOUT_MS, () => answer(false));
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
    socket.once('connect', () => socket.write(API_VERSIONS));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      // length, correlation id, error code
      if (received.length >= 10) answer(received.readInt32BE(4) === 7);
    });
  });
}

/** A small heap, and no compiler or collector that pays off only in a long life. */
const JVM = [
  '-Xms128m',
  '-Xmx384m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

function program(java: Java, kafka: { readonly folder: string; readonly stamp: string }): NativeProgram {
  const binary = join(java.home, 'bin', 'java');
  const versions = [java.home, java.version, kafka.folder, kafka.stamp, ...JVM];
  const jvm = (...flags: readonly string[]): readonly string[] => [
    ...JVM,
    ...flags,
    '-cp',
    join(kafka.folder, 'lib', '*'),
  ];
  const broker = (folder: string): readonly string[] => ['kafka.Kafka', join(folder, 'server.properties')];

  /** What `kafka-storage format` writes: who the node is, its users, and no data. */
  async function format(folder: string, users: readonly string[]): Promise<void> {
    const options = ['format', '-t', CLUSTER, '-c', join(folder, 'server.properties'), ...users];
    await promisify(execFile)(binary, [...jvm(), 'kafka.tools.StorageTool', ...options], { cwd: folder });
  }

  const formatted = (): Promise<string> =>
    template('kafka-data', versions, async (path) => {
      const folder = newServerFolder('kafka-format');
      await writeFile(join(folder, 'server.properties'), propertiesFile(await aPlace(folder)));
      await format(folder, []);
      await copyTree(join(folder, 'data'), path);
      releaseFolder(folder);
    });

  /** The classes of a broker as the JVM wants them in memory (CDS): a start in half the time. */
  const classes = (): Promise<string> =>
    template('kafka-classes', versions, async (path) => {
      const place = await aPlace(newServerFolder('kafka-classes'));
      await fill(place);
      const flags = jvm(`-XX:ArchiveClassesAtExit=${path}`, '-Xlog:disable', '-Xlog:all=off');
      const child = spawn(binary, [...flags, ...broker(place.folder)], {
        cwd: place.folder,
        detached: true,
        stdio: 'ignore',
      });
      const exited = once(child, 'exit');
      const known = knownProcess(child.pid ?? 0);
      if (known !== undefined) recordProcess(place.folder, { kind: 'kafka', ...known });
      const address = `127.0.0.1:${place.port}`;
      await until('Kafka answers', () => answersApiVersions(address), { deadlineMs: START_TIMEOUT_MS });
      child.kill('SIGTERM');
      await exited;
      releaseFolder(place.folder);
    });

  async function fill(place: ServerPlace): Promise<void> {
    await writeFile(join(place.folder, 'server.properties'), propertiesFile(place));
    if (place.secure === undefined) return copyTree(await formatted(), join(place.folder, 'data'));
    const { username, password, keystore } = place.secure;
    await writeFile(keystoreFile(place), keystore);
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ]);
    await format(place.folder, users);
  }

  let archive: string | undefined;
  return {
    version: `${kafka.stamp.split(',')[0]}, Java ${java.version}`,
    command: ({ folder }) => {
      const shared = archive === undefined ? [] : [`-XX:SharedArchiveFile=${archive}`];
      return [binary, ...jvm(...shared), ...broker(folder)];
    },
    async warmUp() {
      archive = await classes();
    },
    prepare: fill,
  };
}

async function aPlace(folder: string): Promise<ServerPlace> {
  const [port, peerPort, innerPort] = [await freePort(), await freePort(), await freePort()];
  return { port, peerPort, innerPort, advertisedPort: port, folder };
}

/** Kafka, one node, KRaft, no topic made by itself. The data is kept over kill() and restart(). */
export const kafkaRecipe: ServerRecipe = {
  kind: 'kafka',
  variable: 'INFRA_TEST_KAFKA_BROKERS',
  startTimeoutMs: START_TIMEOUT_MS,
  url: (host, port) => `${host}:${port}`,
  isReady: answersApiVersions,
  native: {
    missing: `there is no Kafka in the testbed's folder, or no Java of ${JAVA} or newer`,
    find() {
      const [java, kafka] = [findJava(JAVA), installed('kafka')];
      return java === undefined || kafka === undefined ? undefined : program(java, kafka);
    },
  },
  container: { image: 'apache/kafka:4.3.1', port: 9092, env: containerSettings },
};
