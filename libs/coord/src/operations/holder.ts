import { hostname } from 'node:os';
import type { CoordEngine } from './coord-engine.js';

/** What stands in the store for this process, for people: `orders@host:123`. */
export function holderOf({ service }: Pick<CoordEngine, 'service'>): string {
  return `${service}@${hostname()}:${process.pid}`;
}
