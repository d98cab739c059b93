import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { settleClogConfig } from '@infra-kit/clog';
import { DEFAULT_INSTANCE, Logger, type ComponentProvider, type HealthReport } from '@infra-kit/kernel';
import { COMPONENTS, instanceLabel, type Instance } from '../config/components.js';
import { SettledConfig } from '../config/settled-config.js';

interface Row {
  readonly component: string;
  readonly runsOn: string;
  readonly status: HealthReport['status'];
}

const SHOWN = ['driver', 'address', 'output', 'level', 'instanceId', 'origin'] as const;

/** Which component runs on what: a table for people, one line for machines. */
@Injectable()
export class StartReport {
  constructor(
    private readonly config: SettledConfig,
    private readonly modules: ModuleRef,
    private readonly logger: Logger,
  ) {}

  async print(): Promise<void> {
    const { env, service } = this.config.identity;
    if (env === 'test' || this.config.instances.length === 0) return;
    const rows = await Promise.all(this.config.instances.map((instance) => this.#row(instance)));
    if (this.#forPeople()) process.stdout.write(table(`${service} (${env})`, rows));
    else this.logger.namespace('infra-kit').info('components', { components: rows });
  }

  #forPeople(): boolean {
    const { env } = this.config.identity;
    const hasClog = this.config.instances.some(
      ({ component, name }) => component === 'clog' && name === undefined,
    );
    if (!hasClog) return env === 'development';
    return (
      settleClogConfig(this.config.of('clog', undefined), { env, instance: DEFAULT_INSTANCE }).format ===
      'console'
    );
  }

  async #row(instance: Instance): Promise<Row> {
    const provider = this.modules.get<ComponentProvider>(
      COMPONENTS[instance.component].token(instance.name),
      { strict: false },
    );
    const { status, detail } = await provider.health();
    const facts = SHOWN.filter((name) => detail[name] !== undefined).map((name) =>
      describe(name, detail[name]),
    );
    return { component: instanceLabel(instance), runsOn: facts.join(', ') || 'in the process', status };
  }
}

function describe(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return name === 'driver' || name === 'address' ? text : `${name} ${text}`;
}

function table(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ component }) => component.length));
  const lines = rows.map(
    ({ component, runsOn, status }) =>
      `  ${component.padEnd(width)}  ${runsOn}${status === 'up' ? '' : `  [${status}]`}`,
  );
  return `\n${title}\n${lines.join('\n')}\n\n`;
}
