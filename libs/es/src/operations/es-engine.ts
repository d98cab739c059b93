import type { Clock, Logger, ResourceStack } from '@infra-kit/kernel';
import type { EsDriver } from '../drivers/es-driver.js';
import type { EsConfig } from '../es.config.js';
import type { EsPlace } from '../es.errors.js';
import type { CallRunner } from './call-runner.js';
import type { FieldCatalog } from './field-catalog.js';
import type { Names } from './names.js';

/** What every part of one es works with. */
export interface EsEngine {
  readonly place: EsPlace;
  readonly driver: EsDriver;
  readonly runner: CallRunner;
  readonly names: Names;
  readonly catalog: FieldCatalog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The component's scope: parts push here what must be closed, in the phase it belongs to. */
  readonly stack: ResourceStack;
  /** The settings in force now; a reload changes them. */
  readonly settings: () => EsConfig;
}
