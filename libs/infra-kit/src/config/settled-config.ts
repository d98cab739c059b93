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
  OptionsSource,
  type ComponentConfigs,
  type ComponentKey,
  type Instance,
} from './components.js';
import { InfraKitConfig } from './infra-kit.config.js';
import { shapeProblems, type RequestedInstance } from './instances.js';

const OWN_FIELDS = ['service', 'env', 'http', 'health', 'shutdown'] as const;

/** The whole configuration of one application, checked at once: every component waits for it before it opens anything. */
export class SettledConfig extends OptionsSource {
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
    super();
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
    const service = own?.service ?? envText('INFRA_SERVICE') ?? 'service';
    if (!test) for (const instance of requested) problems.push(...componentProblems(instance, env, service));
    if (own === undefined || problems.length > 0) throw new ConfigError('infra-kit', problems);
    return new SettledConfig(
      own,
      healthOn && !test,
      { env, service, instance: `${hostname()}-${process.pid}` },
      requested,
    );
  }

  /** The configuration of one instance, as its module's factory wants it. */
  override of<K extends ComponentKey>(component: K, name: string | undefined): ComponentConfigs[K] {
    return (this.#options.get(instanceLabel({ component, name })) ?? {}) as ComponentConfigs[K];
  }

  get showHealthDetails(): boolean {
    const details =
      this.own.health.details ?? (['development', 'test'].includes(this.identity.env) ? 'always' : 'never');
    return details === 'always';
  }
}

function componentProblems(instance: RequestedInstance, env: string, service: string): string[] {
  const problems: string[] = [];
  const { component, name, options } = instance;
  collect(problems, () => COMPONENTS[component].check(options, { env, service, name }));
  return problems.map((problem) => `${instanceLabel(instance)}.${problem}`);
}

function collect<T>(problems: string[], check: () => T): T | undefined {
  try {
    return check();
  } catch (error) {
    if (!isConfigError(error)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
