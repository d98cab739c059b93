import type {
  DynamicModule,
  InjectionToken,
  OptionalFactoryDependency,
  Provider,
  Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { InfraError } from '../errors/infra-error.js';
import { HealthRegistry } from '../lifecycle/health-registry.js';
import { ReloadRegistry } from '../lifecycle/reload-registry.js';
import { ResourceStack } from '../lifecycle/resource-stack.js';
import { Clock } from '../ports/clock.js';
import { Logger } from '../ports/logger.js';
import {
  DEFAULT_INSTANCE,
  instanceToken,
  type AsyncOptions,
  type ComponentDefinition,
  type ComponentProvider,
  type InjectionEntry,
  type Placement,
} from './component.js';
import {
  APP_IDENTITY,
  KernelModule,
  TEST_SETTING,
  type AppIdentity,
  type TestSetting,
} from './kernel.module.js';

type NestEntry = InjectionToken | OptionalFactoryDependency;

const nestEntry = (entry: InjectionEntry): NestEntry =>
  typeof entry === 'object' ? { token: entry.token, optional: entry.optional ?? false } : entry;

/** What a component's factory takes from Nest, in this order; its dependencies follow. */
const HOST: readonly NestEntry[] = [
  ModulesContainer,
  ResourceStack,
  HealthRegistry,
  ReloadRegistry,
  Logger,
  Clock,
  TEST_SETTING,
  { token: APP_IDENTITY, optional: true },
];
type Host = [
  ModulesContainer,
  ResourceStack,
  HealthRegistry,
  ReloadRegistry,
  Logger,
  Clock,
  TestSetting | null,
  AppIdentity | undefined,
];

function refuseTwins(
  modules: ModulesContainer,
  token: InjectionToken,
  component: string,
  name: string,
): void {
  const owners = [...modules.values()].filter((module) => module.providers.has(token));
  if (owners.length < 2) return;
  const message = `${component}: ${owners.length} modules make the instance '${name}'; import it once, or give each its own name`;
  throw new InfraError('FAILED_PRECONDITION', message, { component, instance: name });
}

function providerOf<O extends object, P extends ComponentProvider, D extends object>(
  definition: ComponentDefinition<O, P, D>,
  name: string | undefined,
  optionsToken: InjectionToken,
): Provider {
  const { component, create, forTest, critical } = definition;
  const token = instanceToken(component, definition.token, name);
  const wanted = Object.entries(definition.dependencies ?? {}) as [string, InjectionEntry][];

  const make = async (options: O, host: Host, resolved: readonly unknown[]): Promise<P> => {
    const [modules, stack, health, reload, logger, clock, test, identity] = host;
    refuseTwins(modules, token, component, name ?? DEFAULT_INSTANCE);
    const dependencies = Object.fromEntries(wanted.map(([key], index) => [key, resolved[index]])) as D;
    const provider = await create(test && forTest ? forTest(options) : options, {
      ...dependencies,
      stack,
      reload,
      logger,
      clock,
      name,
      env: test ? 'test' : identity?.env,
      service: identity?.service,
    });
    const label = name === undefined ? component : `${component}.${name}`;
    health.register(label, (limits) => provider.health(limits), { critical });
    return provider;
  };

  return {
    provide: token,
    inject: [optionsToken, ...HOST, ...wanted.map(([, entry]) => nestEntry(entry))],
    useFactory: async (options: O, ...rest: unknown[]): Promise<P> => {
      const host = rest.slice(0, HOST.length) as Host;
      try {
        return await make(options, host, rest.slice(HOST.length));
      } catch (error) {
        await host[1].close(); // the application cannot start: what others opened is closed
        throw error;
      }
    },
  };
}

interface Assembly extends Placement {
  readonly imports?: DynamicModule['imports'] | undefined;
  readonly options: Omit<Extract<Provider, { useFactory: unknown }>, 'provide'>;
}

function assemble<O extends object, P extends ComponentProvider, D extends object>(
  module: Type<unknown>,
  definition: ComponentDefinition<O, P, D>,
  { name, isGlobal, imports, options }: Assembly,
): DynamicModule {
  const optionsToken = Symbol(`infra-kit:${definition.component}:${name ?? DEFAULT_INSTANCE}:options`);
  return {
    module,
    global: isGlobal ?? true,
    imports: [KernelModule, ...(imports ?? [])],
    providers: [{ provide: optionsToken, ...options }, providerOf(definition, name, optionsToken)],
    exports: [instanceToken(definition.component, definition.token, name)],
  };
}

/** The `forRoot` of a component's module. Options are validated when the application is created, not here. */
export function componentModule<O extends object, P extends ComponentProvider, D extends object>(
  module: Type<unknown>,
  definition: ComponentDefinition<O, P, D>,
  options: O & Placement,
): DynamicModule {
  const { name, isGlobal, ...config } = options;
  return assemble(module, definition, { name, isGlobal, options: { useFactory: () => config } });
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
  options: AsyncOptions<O, I>,
): DynamicModule {
  const { name, isGlobal, imports, inject, useFactory } = options;
  const factory = useFactory as (...args: unknown[]) => O | Promise<O>;
  return assemble(module, definition, {
    name,
    isGlobal,
    imports,
    options: { useFactory: factory, inject: (inject ?? []).map((entry) => nestEntry(entry)) },
  });
}
