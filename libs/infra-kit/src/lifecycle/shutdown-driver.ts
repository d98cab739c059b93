import type { HttpServer } from '@nestjs/common';
import type { CloseReport, Logger, ResourceStack } from '@infra-kit/kernel';
import { readinessDelayMs, type ShutdownSettings } from '../config/infra-kit.config.js';
import { HttpDrain } from './http-drain.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export interface ShutdownDeps {
  readonly stack: ResourceStack;
  readonly logger: Logger;
  readonly settings: ShutdownSettings;
  readonly env: string;
}

/**
 * The order of the whole service's end. The phases up to `drain` run before any hook of the application, the rest
 * after its last one (by the kernel). A signal arms the hard limit; what did not close makes the exit code 1.
 */
export class ShutdownDriver {
  readonly #deps: ShutdownDeps;
  #http: HttpDrain | undefined;
  #stopping = false;
  #begun: Promise<void> | undefined;
  #hardLimit: NodeJS.Timeout | undefined;

  constructor(deps: ShutdownDeps) {
    this.#deps = deps;
    deps.stack.push({ name: 'readiness', phase: 'readiness', close: () => this.#stopReadiness() });
  }

  /** True from the first moment of the shutdown: readiness is 503. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Nest awaits the adapter's `beforeClose` before every hook: the one place where requests can finish first. */
  attach(adapter: HttpServer): void {
    this.#http = new HttpDrain(adapter.getHttpServer(), this.#deps.stack, this.#deps.settings.drainMs);
    const original = adapter.beforeClose?.bind(adapter);
    adapter.beforeClose = async () => {
      await this.begin();
      await original?.();
    };
  }

  /** Readiness down, registry left, a pause for the news to spread, then intake and work in flight. Once. */
  begin(): Promise<void> {
    this.#begun ??= this.#phasesThroughDrain();
    return this.#begun;
  }

  /** Notices the signals that somebody handles (Nest's shutdown hooks); nothing is handled that was not before. */
  watchSignals(): void {
    const handled = SIGNALS.filter((signal) => process.listenerCount(signal) > 0);
    if (handled.length === 0)
      this.#deps.logger.warn(
        "no shutdown hooks: SIGTERM will cut requests off; call app.enableShutdownHooks(['SIGTERM', 'SIGINT'])",
      );
    for (const signal of handled) process.prependListener(signal, this.#onSignal);
  }

  /** Called when everything is closed. */
  finish(report: CloseReport): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
    if (this.#hardLimit === undefined) return;
    clearTimeout(this.#hardLimit);
    if (!report.ok) process.once('exit', () => (process.exitCode = 1));
  }

  readonly #onSignal = (): void => {
    this.#hardLimit ??= setTimeout(() => {
      const { logger, settings } = this.#deps;
      logger.fatal('shutdown did not end within its hard limit, leaving now', {
        hardLimitMs: settings.hardLimitMs,
      });
      process.exit(1);
    }, this.#deps.settings.hardLimitMs);
  };

  #stopReadiness(): void {
    this.#stopping = true;
    this.#http?.begin();
  }

  async #phasesThroughDrain(): Promise<void> {
    const { stack, settings, env } = this.#deps;
    await stack.closeThrough('deregister');
    // the pause is for who asks the readiness page: without a server nobody does
    if (this.#http) await new Promise((resolve) => setTimeout(resolve, readinessDelayMs(settings, env)));
    await stack.closeThrough('drain');
  }
}
