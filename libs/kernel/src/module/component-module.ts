import type { DynamicModule, InjectionToken, OptionalFactoryDependency, Type } from '@nestjs/common';
import { InfraError } from '../errors/infra-error.js';
import {
  DEFAULT_INSTANCE,
  instanceToken,
  type AsyncOptions,
  type ComponentDefinition,
  type ComponentProvider,
  type InjectionEntry,
  type Placement,
} from './component.js';
import { ComponentHost, KernelModule } from './kernel.module.js';
import { missingModule } from './missing-module.js';

interface Recipe<O extends object, P extends ComponentProvider, D extends object> extends Placement {
  readonly module: Type<unknown>;
  readonly definition: ComponentDefinition<O, P, D>;
  readonly imports?: DynamicModule['imports'] | undefined;
  /** What `options` takes. */
  readonly inject: readonly InjectionEntry[];
  readonly options: (...args: readonly unknown[]) => O | Promise<O>;
}

const tokenOf = (entry: InjectionEntry): InjectionToken => (typeof entry === 'object' ? entry.token : entry);
const isOptional = (entry: InjectionEntry): boolean => typeof entry === 'object' && entry.optional === true;
const nestEntry = (entry: InjectionEntry): OptionalFactoryDependency => ({
  token: tokenOf(entry),
  optional: isOptional(entry),
});

function owners({ modules }: ComponentHost, token: InjectionToken): number {
  return [...modules.values()].filter((module) => module.providers.has(token)).length;
}

/** Making one component in one application: refusals, dependencies, options, the provider, its place in health. */
class Assembly<O extends object, P extends ComponentProvider, D extends object> {
  readonly token: InjectionToken;
  readonly #recipe: Recipe<O, P, D>;
  readonly #instance: string;
  readonly #wanted: readonly (readonly [string, InjectionEntry])[];

  constructor(recipe: Recipe<O, P, D>) {
    const { definition, name } = recipe;
    this.#recipe = recipe;
    this.#instance = name ?? DEFAULT_INSTANCE;
    this.#wanted = Object.entries<InjectionEntry>(definition.dependencies ?? {});
    this.token = instanceToken(definition.component, definition.token, name);
  }

  dynamicModule(): DynamicModule {
    const { module, isGlobal, imports, inject } = this.#recipe;
    const provider = {
      provide: this.token,
      inject: [
        ComponentHost,
        // optional for Nest, so that a missing one is refused with our sentence
        ...this.#wanted.map(([, entry]) => ({ token: tokenOf(entry), optional: true })),
        ...inject.map((entry) => nestEntry(entry)),
      ],
      useFactory: (host: ComponentHost, ...resolved: unknown[]) => this.#guarded(host, resolved),
    };
    return {
      module,
      global: isGlobal ?? true,
      imports: [KernelModule, ...(imports ?? [])],
      providers: [provider],
      exports: [this.token],
    };
  }

  /** The application cannot start without it: what others opened is closed. */
  async #guarded(host: ComponentHost, resolved: readonly unknown[]): Promise<P> {
    try {
      return await this.#make(host, resolved);
    } catch (error) {
      await host.stack.close();
      throw error;
    }
  }

  async #make(host: ComponentHost, resolved: readonly unknown[]): Promise<P> {
    const { definition, name, options } = this.#recipe;
    const { component, create, forTest, critical } = definition;
    this.#refuseTwins(host);
    const dependencies = this.#dependencies(host, resolved);
    const given = await options(...resolved.slice(this.#wanted.length));
    const { stack, reload, logger, clock, test, identity } = host;
    const provider = await create(test && forTest ? forTest(given) : given, {
      ...dependencies,
      stack,
      reload,
      logger,
      clock,
      name,
      env: test ? 'test' : identity?.env,
      service: identity?.service,
    });
    const label = this.#instance === DEFAULT_INSTANCE ? component : `${component}.${this.#instance}`;
    host.health.register(label, (limits) => provider.health(limits), {
      critical: typeof critical === 'function' ? () => critical(provider) : critical,
    });
    return provider;
  }

  #refuseTwins(host: ComponentHost): void {
    const count = owners(host, this.token);
    if (count < 2) return;
    throw this.#refusal(
      `${count} modules make the instance '${this.#instance}'; import it once, or give each its own name`,
    );
  }

  #dependencies(host: ComponentHost, resolved: readonly unknown[]): D {
    const found = this.#wanted.map(([key, entry], index) => {
      const token = tokenOf(entry);
      if (resolved[index] === undefined && !isOptional(entry)) {
        const why = owners(host, token) > 0 ? 'could not be made' : `is missing; ${missingModule(token)}`;
        throw this.#refusal(`its ${key} ${why}`);
      }
      return [key, resolved[index]] as const;
    });
    return Object.fromEntries(found) as D;
  }

  #refusal(what: string): InfraError {
    const { component } = this.#recipe.definition;
    const where = this.#instance === DEFAULT_INSTANCE ? component : `${component}(${this.#instance})`;
    return new InfraError('FAILED_PRECONDITION', `${where}: ${what}`, {
      component,
      instance: this.#instance,
    });
  }
}

/** The `forRoot` of a component's module. Options are validated when the application is created, not here. */
export function componentModule<O extends object, P extends ComponentProvider, D extends object>(
  module: Type<unknown>,
  definition: ComponentDefinition<O, P, D>,
  options: NoInfer<O> & Placement,
): DynamicModule {
  const { name, isGlobal, ...config } = options;
  const recipe = { module, definition, name, isGlobal, inject: [], options: () => config as unknown as O };
  return new Assembly<O, P, D>(recipe).dynamicModule();
}

/** The `forRootAsync` of a component's module: the factory's result is the component's options. */
export function componentModuleAsync<
  O extends object,
  P extends ComponentProvider,
  D extends object,
  const I extends readonly InjectionEntry[],
>(
  module: Type<unknown>,
  definition: ComponentDefinition<O, P, D>,
  options: AsyncOptions<NoInfer<O>, I>,
): DynamicModule {
  const { name, isGlobal, imports, inject, useFactory } = options;
  const factory = useFactory as (...args: readonly unknown[]) => O | Promise<O>;
  const recipe = { module, definition, name, isGlobal, imports, inject: inject ?? [], options: factory };
  return new Assembly<O, P, D>(recipe).dynamicModule();
}
