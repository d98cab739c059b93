import { AddressServer } from './address-server.js';
import { SERVERS } from './catalog.js';
import { ContainerServer } from './container-server.js';
import { dockerAnswers } from './docker-engine.js';
import { findBinary, NativeServer } from './native-server.js';
import type { LaunchOptions, RunningServer, ServerKind } from './running-server.js';
import type { ServerRecipe } from './server-recipe.js';

/** This machine cannot give the server. The message says what would help. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
}

function recipeOf(kind: ServerKind): ServerRecipe {
  const recipe = SERVERS[kind];
  if (recipe === undefined) throw new ServerUnavailableError(`testkit cannot launch ${kind} yet`);
  return recipe;
}

/** How launch() would get a server of its own here, or undefined when it cannot. Starts nothing. */
export async function launchSource(kind: ServerKind): Promise<'container' | 'native' | undefined> {
  const recipe = SERVERS[kind];
  if (recipe === undefined) return undefined;
  if (await dockerAnswers()) return 'container';
  return findBinary(recipe) === undefined ? undefined : 'native';
}

/**
 * A server of the caller's own, that may be hurt: in a container when a Docker engine answers, else from a binary.
 * Rejects with ServerUnavailableError when neither is there, with another Error when the start fails.
 */
export async function launch(kind: ServerKind, options: LaunchOptions = {}): Promise<RunningServer> {
  const recipe = recipeOf(kind);
  if (await dockerAnswers()) return ContainerServer.launch(recipe, options);
  const binary = findBinary(recipe);
  if (binary === undefined)
    throw new ServerUnavailableError(
      `no ${kind}: no Docker engine answers and there is no ${recipe.native.binary} on PATH; run tools/testbed-install.sh`,
    );
  return NativeServer.launch(recipe, binary, options);
}

/** A server to be shared: the one at the address in the environment when there is one, else as launch(). */
export async function acquire(kind: ServerKind): Promise<RunningServer> {
  const recipe = recipeOf(kind);
  const url = process.env[recipe.variable];
  return url === undefined || url === '' ? launch(kind) : AddressServer.connect(recipe, url);
}

export function launchRedis(options?: LaunchOptions): Promise<RunningServer> {
  return launch('redis', options);
}

export function launchEtcd(options?: LaunchOptions): Promise<RunningServer> {
  return launch('etcd', options);
}
