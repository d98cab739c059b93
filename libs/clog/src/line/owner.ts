import type { ClogProvider } from '../clog.provider.js';
import type { Logger as PinoInstance } from 'pino';

const OWNER = Symbol('clog:owner');

/** Marks a pino, and with it all children made of it, as this clog's. */
export function claim(pino: PinoInstance, owner: ClogProvider): void {
  Object.defineProperty(pino, OWNER, { value: owner });
}

/** The clog whose pino it is; undefined for anybody else's. */
export function ownerOf(pino: object): ClogProvider | undefined {
  return (pino as { readonly [OWNER]?: ClogProvider })[OWNER];
}
