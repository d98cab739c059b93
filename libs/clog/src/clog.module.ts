import { Module, Scope, type DynamicModule, type Provider } from '@nestjs/common';
import { INQUIRER } from '@nestjs/core';
import {
  APP_IDENTITY,
  componentModule,
  componentModuleAsync,
  DEFAULT_INSTANCE,
  SwitchableLogger,
  type AppIdentity,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import type { ClogOptions } from './clog.config.js';
import { ClogLogger, ClogProvider } from './clog.provider.js';
import { createClog } from './default-clog.provider.js';
import { ClogHttp } from './nest/clog-http.js';
import { ClogNestLogger } from './nest/clog-nest-logger.js';

interface ClogDependencies {
  readonly identity?: AppIdentity;
}

const isDefault = (name: string | undefined): boolean => name === undefined || name === DEFAULT_INSTANCE;

const DEFINITION: ComponentDefinition<ClogOptions, ClogProvider, ClogDependencies> = {
  component: 'clog',
  token: ClogProvider,
  dependencies: { identity: { token: APP_IDENTITY, optional: true } },
  create: (options, deps) => {
    const { logger } = deps;
    const adopt = isDefault(deps.name) && logger instanceof SwitchableLogger ? logger : undefined;
    return createClog(options, { ...deps, adopt });
  },
};

/** A logger of the class that asks for it. */
function loggerOf(clog: ClogProvider, asking: unknown): ClogLogger {
  const type: unknown = Reflect.get(Object(asking), 'constructor');
  const isClass = typeof type === 'function' && type !== Object;
  return isClass ? clog.root.namespace(type.name) : clog.root;
}

/** What only the default instance brings: a logger a class, Nest's lines, access lines. */
const NEST_SIDE: Provider[] = [
  { provide: ClogLogger, scope: Scope.TRANSIENT, inject: [ClogProvider, INQUIRER], useFactory: loggerOf },
  {
    provide: ClogNestLogger,
    inject: [ClogProvider],
    useFactory: async (clog: ClogProvider) => {
      const { NestLinesAdapter } = await import('./nest/nest-lines.js');
      return new ClogNestLogger(new NestLinesAdapter(clog));
    },
  },
  ClogHttp,
];

/** nestjs-pino's own token cannot be named before the library is loaded. */
async function pinoLogger(): Promise<DynamicModule> {
  const { PinoLoggerModule } = await import('./nest/pino-logger.module.js');
  return { module: PinoLoggerModule, global: true };
}

function withNestSide(module: DynamicModule, { name, isGlobal }: Placement): DynamicModule {
  if (!isDefault(name)) return module;
  const loading = isGlobal === false ? [] : [pinoLogger()];
  for (const load of loading) load.catch(() => undefined); // Nest awaits the same promise, and reports it
  return {
    ...module,
    imports: [...(module.imports ?? []), ...loading],
    providers: [...(module.providers ?? []), ...NEST_SIDE],
    exports: [...(module.exports ?? []), ClogLogger, ClogNestLogger],
  };
}

/**
 * Structured logs of an application. The default instance also takes over the suite's `Logger`, so that every component
 * writes through it, gives each class a `ClogLogger` of its name, and writes the access lines.
 */
@Module({})
export class ClogModule {
  static forRoot(options: ClogOptions & Placement = {}): DynamicModule {
    return withNestSide(componentModule(ClogModule, DEFINITION, options), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<ClogOptions, I>,
  ): DynamicModule {
    return withNestSide(componentModuleAsync(ClogModule, DEFINITION, options), options);
  }
}
