import { AsyncLocalStorage } from 'node:async_hooks';

/** A load that others may wait for, and that may itself wait for others. */
export interface RingLink {
  readonly fullKey: string;
  /** Loads that its loader waits for now. */
  readonly waitsFor: Set<RingLink>;
}

const running = new AsyncLocalStorage<RingLink>();

/** Runs a loader so that what it asks for is known to be asked by this load. */
export const runLoader = <T>(load: RingLink, loader: () => T): T => running.run(load, loader);

/** The load whose loader this is called from. */
export const enclosingLoad = (): RingLink | undefined => running.getStore();

/** Whether `from` waits for `to`, by itself or through loads that it waits for. */
export function waitsFor(from: RingLink, to: RingLink, seen = new Set<RingLink>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return [...from.waitsFor].some((next) => waitsFor(next, to, seen));
}
