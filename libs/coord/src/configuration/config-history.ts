import type { CallOptions } from '@infra-kit/kernel';
import type { CoordEngine } from '../operations/coord-engine.js';
import type { ConfigHistoryEntry } from './config-center.js';

function parseEntry(revision: bigint, text: string): ConfigHistoryEntry | undefined {
  try {
    const stored: unknown = JSON.parse(text);
    if (typeof stored !== 'object' || stored === null || !('value' in stored)) return undefined;
    const at: unknown = Reflect.get(stored, 'at');
    const by: unknown = Reflect.get(stored, 'by');
    return {
      revision,
      value: stored.value,
      at: typeof at === 'string' ? at : '',
      ...(typeof by === 'string' && { by }),
    };
  } catch {
    return undefined;
  }
}

/** The entries under a history prefix, the newest first. */
export async function readHistory(
  { runner, driver }: CoordEngine,
  prefix: string,
  options: CallOptions,
): Promise<ConfigHistoryEntry[]> {
  const query = { prefix, orderBy: 'mod', descending: true } as const;
  const { kvs } = await runner.run('range', options, (call) => driver.range(query, call));
  return kvs.flatMap(({ modRevision, value }) => parseEntry(modRevision, value) ?? []);
}
