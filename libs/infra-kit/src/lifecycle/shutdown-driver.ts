import type { HttpServer } from '@nestjs/common';
import type { CloseReport, Logger, ResourceStack } from '@infra-kit/kernel';
import type { ShutdownSettings } from '../config/infra-kit.config.js';
import { HttpDrain } from './http-drain.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** A connection on which a request is on its way has brought it by then. */
const LONGEST_LINGER_MS = 1000;

export interface ShutdownDeps {
  readonly stack: ResourceStack;
  readonly logger: Logger;
  readonly settings: ShutdownSettings;
  /** Between the first 503 of readiness and the closing of the listener. */
  readonly delayMs: number;
}

/**
 * The order of the whole service's end. The phases up to `drain` run before any hook of the application, the rest
 * after its last one (by the kernel). A signal arms the hard limit; what did not close makes the exit code 1.
 */
export class ShutdownDriver {
  readonly #deps: ShutdownDeps;
  #http: HttpDrain | undefined;
  readonly #watched = new Set<(typeof SIGNALS)[number]>();
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
    const { stack, settings, delayMs } = this.#deps;
    const limits = { drainMs: settings.drainMs, lingerMs: Math.min(delayMs, LONGEST_LINGER_MS) };
    this.#http = new HttpDrain(adapter.getHttpServer(), stack, limits);
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
    for (const signal of SIGNALS) {
      if (this.#watched.has(signal) || process.listenerCount(signal) === 0) continue;
      this.#watched.add(signal);
      process.prependListener(signal, this.#onSignal);
    }
  }

  /** Called once the start is over: the same again, and a warning when nobody handles any. */
  checkSignals(): void {
    this.watchSignals();
    if (this.#watched.size > 0) return;
    this.#deps.logger.warn(
      "no shutdown hooks: SIGTERM will cut requests off; call app.enableShutdownHooks(['SIGTERM', 'SIGINT'])",
    );
  }

  /** Called when everything is closed. */
  finish(report: CloseReport): void {
    for (const signal of this.#watched) process.removeListener(signal, this.#onSignal);
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
    const { stack, delayMs } = this.#deps;
    await stack.closeThrough('deregister');
    // the pause is for who asks the readiness page: nobody does where nothing listens
    if (this.#http?.listening && delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    await stack.closeThrough('drain');
  }
}
