import type { DynamicModule, InjectionToken } from '@nestjs/common';
import { CacheModule, getCacheToken, type CacheConfig } from '@infra-kit/cache';
import { ClogModule, getClogToken, type ClogConfig } from '@infra-kit/clog';
import type { AsyncOptions, Placement } from '@infra-kit/kernel';
import { getUidToken, UidModule, type UidConfig } from '@infra-kit/uid';

/** The configuration of each component that exists, by the key it has in `forRoot`. */
export interface ComponentConfigs {
  clog: Partial<ClogConfig>;
  uid: Partial<UidConfig>;
  cache: Partial<CacheConfig>;
}
export type ComponentKey = keyof ComponentConfigs;

/** `true` (the defaults of the environment), a configuration, or a list of them, one named instance each. */
export type ComponentOption<C> =
  true | (C & Pick<Placement, 'name'>) | readonly (C & Pick<Placement, 'name'>)[];

type OptionsFactory<C> = Pick<AsyncOptions<C, readonly [InjectionToken & symbol]>, 'inject' | 'useFactory'>;

interface ComponentEntry<C> {
  readonly module: (name: string | undefined, options: OptionsFactory<C>) => DynamicModule;
  readonly token: (name: string | undefined) => InjectionToken;
}

/** How the umbrella makes each component. Order is the order of the table printed at start. */
export const COMPONENTS: { readonly [K in ComponentKey]: ComponentEntry<ComponentConfigs[K]> } = {
  clog: { module: (name, options) => ClogModule.forRootAsync({ name, ...options }), token: getClogToken },
  uid: { module: (name, options) => UidModule.forRootAsync({ name, ...options }), token: getUidToken },
  cache: { module: (name, options) => CacheModule.forRootAsync({ name, ...options }), token: getCacheToken },
};

export const COMPONENT_KEYS = Object.keys(COMPONENTS) as ComponentKey[];

export function isComponentKey(key: string): key is ComponentKey {
  return Object.hasOwn(COMPONENTS, key);
}

/** One instance of a component: `cache` or `cache:sessions`. */
export interface Instance {
  readonly component: ComponentKey;
  readonly name: string | undefined;
}

export function instanceLabel({ component, name }: Instance): string {
  return name === undefined ? component : `${component}:${name}`;
}
