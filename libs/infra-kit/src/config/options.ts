import type { ModuleMetadata } from '@nestjs/common';
import type { DbEntity } from '@infra-kit/db';
import type { InjectedArgs, InjectionEntry } from '@infra-kit/kernel';
import type { ComponentConfigs, ComponentKey, ComponentOption } from './components.js';
import type { HealthSettings, HttpSettings, ShutdownSettings } from './infra-kit.config.js';

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What stands beside the components. */
export interface InfraKitBase {
  /** The service's name: in logs, configuration paths and telemetry. Else INFRA_SERVICE. */
  readonly service?: string | undefined;
  /** development, test, production or any name, which behaves as production. Else INFRA_ENV, NODE_ENV, development. */
  readonly env?: string | undefined;
  readonly http?: Given<HttpSettings> | undefined;
  /** `false`: no health routes, @nestjs/terminus is not loaded. */
  readonly health?: Given<HealthSettings> | false | undefined;
  readonly shutdown?: Given<ShutdownSettings> | undefined;
}

/** `InfraKitModule.forRoot`: only what is named is loaded. */
export type InfraKitOptions = InfraKitBase & {
  readonly [K in ComponentKey]?: ComponentOption<ComponentConfigs[K]> | undefined;
};

/** An instance that `forRootAsync` loads: `'cache'`, or `'cache:sessions'` for a named one. */
export type InfraKitEntry = ComponentKey | `${ComponentKey}:${string}`;

type ComponentOf<E> = E extends `${infer C}:${string}`
  ? C extends ComponentKey
    ? C
    : never
  : E extends ComponentKey
    ? E
    : never;

/** What the factory returns: exactly one key an entry, beside the umbrella's own. */
export type InfraKitResult<L extends readonly InfraKitEntry[]> = InfraKitBase & {
  readonly [E in L[number]]: ComponentConfigs[ComponentOf<E>] | true;
};

type Exact<L extends readonly InfraKitEntry[], R> = R & {
  readonly [K in Exclude<keyof R, L[number] | keyof InfraKitBase>]: never;
};

export interface InfraKitAsyncOptions<
  L extends readonly InfraKitEntry[],
  D extends readonly InjectionEntry[],
  R extends InfraKitResult<L>,
> {
  /** What is loaded; modules are imported before the factory has run, so the list stands beside it. */
  readonly components: L;
  /** Of each database in `components` whose configuration names none itself: entities are code, not configuration. */
  readonly entities?: readonly DbEntity[] | undefined;
  readonly imports?: ModuleMetadata['imports'] | undefined;
  readonly inject?: readonly [...D] | undefined;
  readonly useFactory: (...args: InjectedArgs<D>) => Exact<L, R> | Promise<Exact<L, R>>;
}
