import { hostname } from 'node:os';
import {
  ConfigError,
  envText,
  isConfigError,
  parseConfig,
  resolveEnv,
  type AppIdentity,
} from '@infra-kit/kernel';
import {
  COMPONENTS,
  instanceLabel,
  type ComponentConfigs,
  type ComponentKey,
  type Instance,
} from './components.js';
import { InfraKitConfig } from './infra-kit.config.js';
import { shapeProblems, type RequestedInstance } from './instances.js';

const OWN_FIELDS = ['service', 'env', 'http', 'health', 'shutdown'] as const;

/** The whole configuration of one application, checked at once: every component waits for it before it opens anything. */
export class SettledConfig {
  readonly own: InfraKitConfig;
  readonly healthOn: boolean;
  readonly identity: AppIdentity;
  readonly instances: readonly Instance[];
  readonly #options: ReadonlyMap<string, object>;

  private constructor(
    own: InfraKitConfig,
    healthOn: boolean,
    identity: AppIdentity,
    requested: readonly RequestedInstance[],
  ) {
    this.own = own;
    this.healthOn = healthOn;
    this.identity = identity;
    this.instances = requested;
    this.#options = new Map(requested.map((instance) => [instanceLabel(instance), instance.options]));
  }

  /**
   * @param test true when everything runs on embedded drivers.
   * @throws ConfigError naming every bad field of the umbrella and of all components, missing addresses included.
   */
  static settle(options: object, requested: readonly RequestedInstance[], test: boolean): SettledConfig {
    const problems = shapeProblems(options, OWN_FIELDS);
    const given = Object.fromEntries(
      OWN_FIELDS.map((field) => [field, Reflect.get(options, field) as unknown]),
    );
    const healthOn = given['health'] !== false;
    const own = collect(problems, () =>
      parseConfig(InfraKitConfig, { ...given, ...(!healthOn && { health: {} }) }, { component: 'infra-kit' }),
    );
    const env = test ? 'test' : resolveEnv(own?.env);
    if (!test)
      for (const { component, name, options: componentOptions } of requested)
        collect(
          problems,
          () => COMPONENTS[component].check(componentOptions, { env, name }),
          instanceLabel({ component, name }),
        );
    if (own === undefined || problems.length > 0) throw new ConfigError('infra-kit', problems);
    const service = own.service ?? envText('INFRA_SERVICE') ?? 'service';
    return new SettledConfig(
      own,
      healthOn && !test,
      { env, service, instance: `${hostname()}-${process.pid}` },
      requested,
    );
  }

  /** The configuration of one instance, as its module's factory wants it. */
  of<K extends ComponentKey>(component: K, name: string | undefined): ComponentConfigs[K] {
    return (this.#options.get(instanceLabel({ component, name })) ?? {}) as ComponentConfigs[K];
  }

  get showHealthDetails(): boolean {
    const details =
      this.own.health.details ?? (['development', 'test'].includes(this.identity.env) ? 'always' : 'never');
    return details === 'always';
  }
}

function collect<T>(problems: string[], check: () => T, label?: string): T | undefined {
  try {
    return check();
  } catch (error) {
    if (!isConfigError(error)) throw error;
    problems.push(
      ...error.problems.map((problem) => (label === undefined ? problem : `${label}.${problem}`)),
    );
    return undefined;
  }
}
