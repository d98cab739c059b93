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
  type CheckPlace,
  type ComponentConfigs,
  type ComponentKey,
  type Instance,
} from './components.js';
import { InfraKitConfig, readinessDelayMs } from './infra-kit.config.js';
import { shapeProblems, type RequestedInstance } from './instances.js';
import type { Requested } from './source.js';

const OWN_FIELDS = ['service', 'env', 'http', 'health', 'shutdown'] as const;

const ENV_NAME = /^[\w.-]+$/;

/** What decides about a configuration beside itself. */
export interface Surroundings extends Pick<CheckPlace, 'provides'> {
  /** True when everything runs on embedded drivers. */
  readonly test: boolean;
}

/** The whole configuration of one application, checked at once: every component waits for it before it opens anything. */
export class SettledConfig extends OptionsSource {
  readonly own: InfraKitConfig;
  readonly healthOn: boolean;
  readonly identity: AppIdentity;
  readonly instances: readonly Instance[];
  readonly #test: boolean;
  readonly #options: ReadonlyMap<string, object>;

  private constructor(
    own: InfraKitConfig,
    healthOn: boolean,
    identity: AppIdentity,
    requested: readonly RequestedInstance[],
    test: boolean,
  ) {
    super();
    this.#test = test;
    this.own = own;
    this.healthOn = healthOn;
    this.identity = identity;
    this.instances = requested;
    this.#options = new Map(requested.map((instance) => [instanceLabel(instance), instance.options]));
  }

  /**
   * @throws ConfigError naming every bad field of the umbrella and of all components, missing addresses included.
   */
  static settle(
    { options, instances: requested }: Requested,
    { test, provides }: Surroundings,
  ): SettledConfig {
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
    if (!ENV_NAME.test(env))
      problems.push('INFRA_ENV: must consist of letters, digits, dots, dashes and underscores');
    if (!test)
      for (const instance of requested)
        problems.push(...componentProblems(instance, { env, service, name: instance.name, provides }));
    if (own === undefined || problems.length > 0) throw new ConfigError('infra-kit', problems);
    return new SettledConfig(
      own,
      healthOn && !test,
      { env, service, instance: `${hostname()}-${process.pid}` },
      requested,
      test,
    );
  }

  /** The configuration of one instance, as its module's factory wants it. */
  override of<K extends ComponentKey>(component: K, name: string | undefined): ComponentConfigs[K] {
    return (this.#options.get(instanceLabel({ component, name })) ?? {}) as ComponentConfigs[K];
  }

  /** Between the first 503 of readiness and the closing of the listener; tests do not wait. */
  get readinessDelayMs(): number {
    return this.#test ? 0 : readinessDelayMs(this.own.shutdown, this.identity.env);
  }

  get showHealthDetails(): boolean {
    const details =
      this.own.health.details ?? (['development', 'test'].includes(this.identity.env) ? 'always' : 'never');
    return details === 'always';
  }
}

function componentProblems(instance: RequestedInstance, place: CheckPlace): string[] {
  const problems: string[] = [];
  const { component, options } = instance;
  collect(problems, () => COMPONENTS[component].check(options, place));
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
