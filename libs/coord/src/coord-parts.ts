import type { CoordProvider } from './coord.provider.js';
import type { CoordEngine } from './operations/coord-engine.js';

/** What a coord offers beside its own life: one field a part, each made by a file of its own. */
export type CoordParts = Omit<
  CoordProvider,
  'name' | 'native' | 'ping' | 'health' | 'close' | typeof Symbol.asyncDispose
>;

/** Makes the parts over one engine. What they must close they push on its stack. */
export function openParts(_engine: CoordEngine): CoordParts {
  return {};
}
