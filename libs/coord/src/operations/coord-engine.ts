import type { Clock, Logger, ResourceStack } from '@infra-kit/kernel';
import type { CoordConfig } from '../coord.config.js';
import type { CoordPlace } from '../coord.errors.js';
import type { CoordDriver } from '../drivers/coord-driver.js';
import type { CallRunner } from './call-runner.js';
import type { KeySpace } from './key-space.js';

/** What every part of one coord works with. */
export interface CoordEngine {
  readonly place: CoordPlace;
  readonly env: string;
  readonly service: string;
  readonly driver: CoordDriver;
  readonly runner: CallRunner;
  readonly keys: KeySpace;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The component's scope: parts push here what must be closed, in the phase it belongs to. */
  readonly stack: ResourceStack;
  /** The settings in force now; a reload changes them. */
  readonly settings: () => CoordConfig;
}
