import { messageOf } from '@infra-kit/kernel';
import type { KeyRange } from '../drivers/coord-driver.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { followRange } from '../operations/range-follower.js';
import type { ConfigEvent } from './config-center.js';
import { decodeValue } from './config-codec.js';
import type { ConfigKeys } from './config-keys.js';
import type { KeyChange } from './list-difference.js';

export interface DocumentWatch {
  readonly range: KeyRange;
  readonly fromRevision: bigint | undefined;
  readonly signal: AbortSignal;
}

/** Documents of a range as events; one that is not JSON is left out with a warning. */
export async function* watchDocuments<T>(
  engine: CoordEngine,
  keys: ConfigKeys,
  { range, fromRevision, signal }: DocumentWatch,
): AsyncGenerator<ConfigEvent<T>> {
  const read = (change: KeyChange): Omit<ConfigEvent<T>, 'more'> | undefined => {
    const { type, revision } = change;
    const key = keys.pathOf(change.key);
    if (type === 'delete') return { type, key, revision };
    try {
      return { type, key, revision, value: decodeValue(engine.place, key, change.value) as T };
    } catch (error) {
      engine.logger.warn('left out of a watch: a document that is not JSON', {
        key,
        revision,
        err: messageOf(error),
      });
      return undefined;
    }
  };
  for await (const news of followRange(engine, range, { signal, fromRevision })) {
    if (news.type !== 'changes') continue;
    const events = news.changes.map((change) => read(change)).filter((event) => event !== undefined);
    for (const [index, event] of events.entries()) yield { ...event, more: index < events.length - 1 };
  }
}
