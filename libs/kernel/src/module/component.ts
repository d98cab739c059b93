import type { Abstract, ModuleMetadata, Type } from '@nestjs/common';
import { envText, resolveEnv } from '../config/environment.js';
import type { CallOptions } from '../context/call-options.js';
import { InfraError } from '../errors/infra-error.js';
import type { ReloadRegistry } from '../lifecycle/reload-registry.js';
import { ResourceStack } from '../lifecycle/resource-stack.js';
import { SystemClock, type Clock } from '../ports/clock.js';
import type { HealthReport } from '../ports/health.js';
import type { Logger } from '../ports/logger.js';
import { NestLogger } from '../ports/nest-logger.js';

export const DEFAULT_INSTANCE = 'default';
/** A name is part of configuration paths, log namespaces and metric labels. */
const INSTANCE_NAME = /^[\w.-]+$/;

/** What every component's provider offers. */
export interface ComponentProvider extends AsyncDisposable {
  /** 'default' or the instance's name. */
  readonly name: string;
  /** Never throws; limited to 2 s; `down` after `close`. */
  health(options?: CallOptions): Promise<HealthReport>;
  /** Idempotent. Every other call afterwards is FAILED_PRECONDITION. */
  close(): Promise<void>;
}

/** What `createX(config, deps)` accepts of every component. */
export interface ComponentDeps {
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  readonly name?: string | undefined;
  readonly env?: string | undefined;
  readonly service?: string | undefined;
  /** The application's stack and reload registry: given by the module, absent by hand. */
  readonly stack?: ResourceStack | undefined;
  readonly reload?: ReloadRegistry | undefined;
}

/** The same with nothing left open: what a component is built from. */
export interface ComponentSetting {
  readonly component: string;
  readonly name: string;
  /** The name, as errors, `parseConfig` and `ReloadRegistry` call it: a setting may be handed to them as it is. */
  readonly instance: string;
  readonly env: string;
  readonly service: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The component's own scope: what it pushes here is closed with it, in the order of the application's shutdown. */
  readonly stack: ResourceStack;
  readonly reload: ReloadRegistry | undefined;
}

/**
 * Builds a component: settles its dependencies, runs `build`, and closes what was opened when that fails.
 */
export async function buildComponent<P>(
  component: string,
  deps: ComponentDeps,
  build: (setting: ComponentSetting) => P | Promise<P>,
): Promise<P> {
  const name = deps.name ?? DEFAULT_INSTANCE;
  if (!INSTANCE_NAME.test(name)) {
    const message = `${component}: name must be letters, digits, '.', '_' and '-', got ${JSON.stringify(name)}`;
    throw new InfraError('INVALID_ARGUMENT', message, { component });
  }
  const logger = (deps.logger ?? new NestLogger()).namespace(
    name === DEFAULT_INSTANCE ? component : `${component}.${name}`,
  );
  const stack = deps.stack?.scope() ?? new ResourceStack();
  try {
    return await build({
      component,
      name,
      instance: name,
      logger,
      stack,
      env: resolveEnv(deps.env),
      service: deps.service ?? envText('INFRA_SERVICE') ?? 'service',
      clock: deps.clock ?? new SystemClock(),
      reload: deps.reload,
    });
  } catch (error) {
    await stack.close();
    throw error;
  }
}

/** What one `inject` entry resolves to. */
export type Injected<T> =
  T extends Type<infer I>
    ? I
    : T extends Abstract<infer I>
      ? I
      : T extends { token: infer K; optional: true }
        ? Injected<K> | undefined
        : T extends { token: infer K }
          ? Injected<K>
          : unknown;
export type InjectedArgs<D extends readonly unknown[]> = { -readonly [K in keyof D]: Injected<D[K]> };

export type InjectionEntry =
  | Type<unknown>
  | Abstract<unknown>
  | string
  | symbol
  | { readonly token: Type<unknown> | Abstract<unknown> | string | symbol; readonly optional?: boolean };

/** Where a module's provider goes: beside the configuration, never in it. */
export interface Placement {
  /** Makes a named instance, injected by `InjectX(name)`. */
  readonly name?: string | undefined;
  /** Default true: visible everywhere without importing the module again. */
  readonly isGlobal?: boolean | undefined;
}

/** Options without a placement: it would come too late in a factory's result. */
type Unplaced<O> = O & { readonly [K in keyof Placement]?: never };

export interface AsyncOptions<O, D extends readonly InjectionEntry[]> extends Placement {
  readonly imports?: ModuleMetadata['imports'] | undefined;
  readonly inject?: readonly [...D] | undefined;
  readonly useFactory: (...args: InjectedArgs<D>) => Unplaced<O> | Promise<Unplaced<O>>;
}

export interface ComponentDefinition<
  O extends object,
  P extends ComponentProvider,
  D extends object = object,
> {
  /** The package's name: part of tokens, log namespaces and configuration paths. */
  readonly component: string;
  /** The abstract class: type and token of the default instance. */
  readonly token: Abstract<P>;
  readonly create: (options: O, deps: ComponentDeps & D) => Promise<P>;
  /** The same options on embedded drivers, for tests. */
  readonly forTest?: (options: O) => O;
  /** Providers of other components, by the name under which `create` takes them. */
  readonly dependencies?: { readonly [K in keyof D]: InjectionEntry };
  /** Readiness fails while it is down; a function is asked at each check. */
  readonly critical?: boolean | ((provider: P) => boolean);
}

/** The token of an instance: the abstract class itself, or a symbol of the name. */
export function instanceToken<P>(component: string, token: Abstract<P>, name?: string): Abstract<P> | symbol {
  return name === undefined || name === DEFAULT_INSTANCE
    ? token
    : Symbol.for(`infra-kit:${component}:${name}`);
}
