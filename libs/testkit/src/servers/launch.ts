import { AddressServer } from './address-server.js';
import { SERVERS } from './catalog.js';
import { ContainerServer } from './container-server.js';
import { dockerAnswers } from './docker-engine.js';
import { NativeServer } from './native-server.js';
import type { LaunchOptions, RunningServer, ServerKind } from './running-server.js';

/** This machine cannot give the server. The message says what would help. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
}

/** How launch() would get a server of its own here, or undefined when it cannot. Starts nothing. */
export async function launchSource(kind: ServerKind): Promise<'container' | 'native' | undefined> {
  if (await dockerAnswers()) return 'container';
  return SERVERS[kind].native.find() === undefined ? undefined : 'native';
}

/**
 * Makes what every native start of this server takes from, if it is not there yet: the first start on a machine does it
 * as well, but starts beside each other would each do it. Does nothing where there is nothing to make.
 */
export async function warmUp(kind: ServerKind): Promise<void> {
  if ((await launchSource(kind)) === 'native') await SERVERS[kind].native.find()?.warmUp?.();
}

/**
 * A server of the caller's own, that may be hurt: in a container when a Docker engine answers, else from what is installed.
 * Rejects with ServerUnavailableError when neither is there, with another Error when the start fails.
 */
export async function launch(kind: ServerKind, options: LaunchOptions = {}): Promise<RunningServer> {
  if (await dockerAnswers()) return ContainerServer.launch(SERVERS[kind], options);
  return launchNatively(kind, options);
}

/** As launch(), but never in a container. */
export async function launchNatively(kind: ServerKind, options: LaunchOptions = {}): Promise<RunningServer> {
  const recipe = SERVERS[kind];
  const program = recipe.native.find();
  if (program !== undefined) return NativeServer.launch(recipe, program, options);
  const docker = (await dockerAnswers()) ? '' : 'no Docker engine answers and ';
  throw new ServerUnavailableError(
    `no ${kind}: ${docker}${recipe.native.missing}; run tools/testbed-install.sh`,
  );
}

/** A server to be shared: the one at the address in the environment when there is one, else as launch(). */
export async function acquire(kind: ServerKind): Promise<RunningServer> {
  const recipe = SERVERS[kind];
  const url = process.env[recipe.variable];
  return url === undefined || url === '' ? launch(kind) : AddressServer.connect(recipe, url);
}

export function launchRedis(options?: LaunchOptions): Promise<RunningServer> {
  return launch('redis', options);
}

export function launchEtcd(options?: LaunchOptions): Promise<RunningServer> {
  return launch('etcd', options);
}

/** PostgreSQL with one user, postgres, who needs no password. The data is kept over kill() and restart(). */
export function launchPostgres(options?: LaunchOptions): Promise<RunningServer> {
  return launch('postgres', options);
}

/** Kafka, one node, KRaft, no topic made by itself. The data is kept over kill() and restart(). */
export function launchKafka(options?: LaunchOptions): Promise<RunningServer> {
  return launch('kafka', options);
}

/** Elasticsearch, one node, without security. The data is kept over kill() and restart(). */
export function launchElasticsearch(options?: LaunchOptions): Promise<RunningServer> {
  return launch('elasticsearch', options);
}
