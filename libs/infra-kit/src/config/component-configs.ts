import type { InjectionToken } from '@nestjs/common';
import type { BreakerOptions } from '@infra-kit/breaker';
import type { CacheOptions } from '@infra-kit/cache';
import type { ClogOptions } from '@infra-kit/clog';
import type { CoordOptions } from '@infra-kit/coord';
import type { DbOptions } from '@infra-kit/db';
import type { EsOptions } from '@infra-kit/es';
import type { Placement } from '@infra-kit/kernel';
import type { MetricsOptions } from '@infra-kit/metrics';
import type { MqOptions } from '@infra-kit/mq';
import type { OnceConfigOptions } from '@infra-kit/once';
import type { OutboxOptions } from '@infra-kit/outbox';
import type { RateLimitOptions } from '@infra-kit/ratelimit';
import type { UidOptions } from '@infra-kit/uid';

/** The configuration of each component that exists, by the key it has in `forRoot`. */
export interface ComponentConfigs {
  clog: ClogOptions;
  uid: UidOptions;
  coord: CoordOptions;
  cache: CacheOptions;
  db: DbOptions;
  mq: MqOptions;
  ratelimit: RateLimitOptions;
  once: OnceConfigOptions;
  breaker: BreakerOptions;
  es: EsOptions;
  outbox: OutboxOptions;
  metrics: MetricsOptions;
}
export type ComponentKey = keyof ComponentConfigs;

/** `true` (the defaults of the environment), a configuration, or a list of them, one named instance each. */
export type ComponentOption<C> =
  true | (C & Pick<Placement, 'name'>) | readonly (C & Pick<Placement, 'name'>)[];

/** Where a component's module asks for its options: the token under which the settled configuration is provided. */
export abstract class OptionsSource {
  abstract of<K extends ComponentKey>(component: K, name: string | undefined): ComponentConfigs[K];
}

/** The same for telemetry, which is there before every other component and ends after it. */
export abstract class MetricsSource extends OptionsSource {}

/** Who asks for a configuration, for defaults and messages. */
export interface CheckPlace {
  readonly env: string;
  readonly service: string;
  readonly name: string | undefined;
  /** Whether the application provides something under this token. */
  readonly provides: (token: InjectionToken) => boolean;
}

/** One instance of a component: `cache` or `cache:sessions`. */
export interface Instance {
  readonly component: ComponentKey;
  readonly name: string | undefined;
}
