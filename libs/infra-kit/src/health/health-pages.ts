import type { HealthIndicatorResult, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { ServiceUnavailableException, type Type } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import {
  InfraError,
  type HealthRegistry,
  type ComponentHealth,
  type ReloadRegistry,
} from '@infra-kit/kernel';
import type { ShutdownDriver } from '../lifecycle/shutdown-driver.js';

export interface HealthPage {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface HealthPagesDeps {
  readonly checks: HealthCheckService;
  readonly indicators: HealthIndicatorService;
  readonly registry: HealthRegistry;
  readonly reload: ReloadRegistry;
  readonly shutdown: ShutdownDriver;
  readonly showDetails: boolean;
  readonly service: string;
}

/** What the three health routes say, in the format of @nestjs/terminus. */
export class HealthPages {
  readonly #deps: HealthPagesDeps;

  constructor(deps: HealthPagesDeps) {
    this.#deps = deps;
  }

  /** The process answers: nothing else is asked. */
  live(): Promise<HealthPage> {
    return this.#page([]);
  }

  /** Critical components are up and no shutdown has begun. */
  async ready(): Promise<HealthPage> {
    const page = await this.#page(await this.#components('critical'));
    return this.#deps.shutdown.stopping
      ? { status: 503, body: { ...page.body, status: 'shutting_down' } }
      : page;
  }

  /** Every component's report, what became of pushed configuration, and refusals. */
  async full(): Promise<HealthPage> {
    const page = await this.#page(await this.#components());
    const reload = this.#deps.reload.status().map((status) => ({
      ...status,
      revision: status.revision?.toString(),
      rejected: status.rejected && { ...status.rejected, revision: status.rejected.revision.toString() },
    }));
    return {
      status: page.status,
      body: {
        ...page.body,
        service: this.#deps.service,
        reload: { refused: this.#deps.reload.refused, components: reload },
      },
    };
  }

  async #components(only?: 'critical'): Promise<HealthIndicatorResult[]> {
    const { detail } = await this.#deps.registry.check({ only });
    return Object.entries(detail).map(([name, report]) => this.#indicator(name, report));
  }

  #indicator(name: string, report: ComponentHealth): HealthIndicatorResult {
    const session = this.#deps.indicators.check(name);
    const detail = this.#deps.showDetails ? { ...report.detail } : {};
    if (report.status === 'up') return session.up(detail);
    if (report.status === 'down' && report.critical) return session.down(detail);
    // a component that is not critical leaves the service usable: its own word stands beside
    return session.degraded({ ...detail, reported: report.status });
  }

  async #page(results: readonly HealthIndicatorResult[]): Promise<HealthPage> {
    try {
      const body = await this.#deps.checks.check(results.map((result) => () => result));
      return { status: 200, body: { ...body } };
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const body = error.getResponse();
      return { status: 503, body: typeof body === 'object' ? { ...body } : { status: 'error' } };
    }
  }
}

/** Loads @nestjs/terminus, an optional peer, when health is on. */
export async function loadTerminus(
  loader: LazyModuleLoader,
): Promise<Pick<HealthPagesDeps, 'checks' | 'indicators'>> {
  const terminus = await import('@nestjs/terminus').catch((cause: unknown) => {
    const message =
      'health routes need @nestjs/terminus: npm install @nestjs/terminus, or pass health: false to InfraKitModule';
    throw new InfraError('FAILED_PRECONDITION', message, { component: 'infra-kit', cause });
  });
  const module = await loader.load(() => terminus.TerminusModule.forRoot({ logger: false }));
  const get = <T>(type: Type<T>): T => module.get(type, { strict: false });
  return { checks: get(terminus.HealthCheckService), indicators: get(terminus.HealthIndicatorService) };
}
