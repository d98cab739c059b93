import { DefaultConfigCenter } from './configuration/default-config-center.js';
import type { CoordProvider } from './coord.provider.js';
import { DefaultElections } from './elections/default-elections.js';
import { DefaultInstanceIdAllocator } from './instance-ids/default-instance-id-allocator.js';
import { DefaultCoordLocks } from './locks/default-coord-locks.js';
import { ClaimQueue } from './operations/claim-queue.js';
import type { CoordEngine } from './operations/coord-engine.js';
import { StoreLeases } from './operations/store-leases.js';
import { DefaultServiceRegistry } from './registry/default-service-registry.js';

/** What a coord offers beside its own life: one field a part, each made by a file of its own. */
export type CoordParts = Omit<
  CoordProvider,
  'name' | 'native' | 'ping' | 'health' | 'close' | typeof Symbol.asyncDispose
>;

/** Makes the parts over one engine. What they must close they push on its stack. */
export function openParts(engine: CoordEngine): CoordParts {
  const leases = new StoreLeases(engine);
  engine.stack.push({
    name: `${engine.place.label} leases`,
    phase: 'leases',
    close: () => leases.close(),
  });
  const claims = new ClaimQueue(engine, leases);
  return {
    registry: new DefaultServiceRegistry(engine),
    config: new DefaultConfigCenter(engine),
    locks: new DefaultCoordLocks(engine, claims),
    elections: new DefaultElections(engine, claims, leases.closing),
    instanceIds: new DefaultInstanceIdAllocator(engine, leases),
  };
}
