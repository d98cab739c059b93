import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import { EsRefusal } from '../es-refusal.js';
import type { DriverCall } from '../es-driver.js';
import { failureOf, reasonOf } from './es-failures.js';

const LOOK_EVERY_MS = 250;

/**
 * Copies an index inside the cluster, as a task that is looked at until it ends. The module for it is part of the full
 * distribution: UNIMPLEMENTED where it is missing.
 */
export async function reindexOnServer(
  client: Client,
  { from, to }: { readonly from: string; readonly to: string },
  { signal }: DriverCall,
): Promise<number> {
  const task = await begin(client, from, to, signal);
  for (;;) {
    const { completed, error, response } = await client.tasks.get({ task_id: task }, { signal });
    if (error !== undefined)
      throw new EsRefusal('INTERNAL', `the cluster's reindex failed, ${reasonOf(error)}`);
    if (completed) return copied(response);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

async function begin(client: Client, from: string, to: string, signal: AbortSignal): Promise<string> {
  try {
    const { task } = await client.reindex(
      { source: { index: from }, dest: { index: to }, wait_for_completion: false },
      { signal },
    );
    return String(task);
  } catch (error) {
    if (
      ![400, 405].includes(failureOf(error).status) ||
      !/_reindex/.test(String(Reflect.get(Object(error) as object, 'message')))
    )
      throw error;
    const message =
      'this distribution of Elasticsearch has no server-side reindex; leave source out to copy through the process';
    throw new EsRefusal('UNIMPLEMENTED', message);
  }
}

function copied(response: unknown): number {
  const answer = Object(response) as {
    readonly created?: number;
    readonly failures?: readonly { cause?: unknown }[];
  };
  const [failure] = answer.failures ?? [];
  if (failure !== undefined) throw new EsRefusal('INVALID_ARGUMENT', reasonOf(failure.cause));
  return answer.created ?? 0;
}
