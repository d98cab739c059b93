import { Inject, type DynamicModule } from '@nestjs/common';
import {
  buildComponent,
  componentModule,
  componentModuleAsync,
  instanceToken,
  InfraError,
  parseConfig,
  type AsyncOptions,
  type ComponentDefinition,
  type ComponentDeps,
  type ComponentProvider,
  type ComponentSetting,
  type HealthReport,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { IsInt, Min } from 'class-validator';

export class VaultConfig {
  @IsInt()
  @Min(1)
  size = 1;
}

/** A component as small as one can be. */
export abstract class VaultProvider implements ComponentProvider {
  abstract readonly name: string;
  abstract readonly config: VaultConfig;
  abstract readonly setting: ComponentSetting;
  abstract use(): string;
  abstract health(): Promise<HealthReport>;
  abstract close(): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;
}

class DefaultVault extends VaultProvider {
  readonly name: string;
  #closed = false;

  constructor(
    readonly config: VaultConfig,
    readonly setting: ComponentSetting,
  ) {
    super();
    this.name = setting.name;
    setting.stack.push({
      name: `vault.${this.name}`,
      phase: 'connections',
      close: () => {
        this.#closed = true;
        journal.push(`closed ${this.name}`);
      },
    });
    journal.push(`opened ${this.name}`);
  }

  override use(): string {
    if (this.#closed) throw new InfraError('FAILED_PRECONDITION', 'closed');
    return `used ${this.name}`;
  }
  override async health(): Promise<HealthReport> {
    return { status: this.#closed ? 'down' : 'up', detail: { size: this.config.size } };
  }
  override async close(): Promise<void> {
    await this.setting.stack.close();
  }
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What happened, in order. Emptied by each test. */
export const journal: string[] = [];

/** Lets a test hold a creation up. */
export const gates = new Map<string, Promise<void>>();

export function createVault(
  config: Partial<VaultConfig> = {},
  deps: ComponentDeps = {},
): Promise<VaultProvider> {
  return buildComponent('vault', deps, async (setting) => {
    const parsed = parseConfig(VaultConfig, config, setting);
    await gates.get(setting.name);
    const vault = new DefaultVault(parsed, setting);
    if (parsed.size === 666) throw new Error('the vault fell in');
    return vault;
  });
}

export const VAULT: ComponentDefinition<Partial<VaultConfig>, VaultProvider> = {
  component: 'vault',
  token: VaultProvider,
  create: createVault,
  forTest: (options) => ({ ...options, size: 1_000 }),
  critical: true,
};

export class VaultModule {
  static forRoot(options: Partial<VaultConfig> & Placement = {}): DynamicModule {
    return componentModule(VaultModule, VAULT, options);
  }
  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<Partial<VaultConfig>, I>,
  ): DynamicModule {
    return componentModuleAsync(VaultModule, VAULT, options);
  }
}

export const getVaultToken = (name?: string): ReturnType<typeof instanceToken> =>
  instanceToken('vault', VaultProvider, name);
export const InjectVault = (name?: string): ParameterDecorator & PropertyDecorator =>
  Inject(getVaultToken(name));

/** A component that needs a vault: the one that its module's option names. */
export abstract class GuardProvider implements ComponentProvider {
  abstract readonly name: string;
  abstract readonly vault: VaultProvider | undefined;
  abstract health(): Promise<HealthReport>;
  abstract close(): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;
}

class DefaultGuard extends GuardProvider {
  constructor(
    readonly name: string,
    readonly vault: VaultProvider | undefined,
  ) {
    super();
  }
  override health(): Promise<HealthReport> {
    return Promise.resolve({ status: 'up', detail: {} });
  }
  override async close(): Promise<void> {}
  override async [Symbol.asyncDispose](): Promise<void> {}
}

export class GuardModule {
  static forRoot(options: { readonly vault?: string; readonly optional?: boolean } = {}): DynamicModule {
    const { vault, optional } = options;
    const token = getVaultToken(vault);
    const definition: ComponentDefinition<object, GuardProvider, { vault?: VaultProvider }> = {
      component: 'guard',
      token: GuardProvider,
      dependencies: { vault: optional ? { token, optional } : token },
      create: async (_config, deps) =>
        buildComponent('guard', deps, ({ name }) => new DefaultGuard(name, deps.vault)),
    };
    return componentModule(GuardModule, definition, {});
  }
}
