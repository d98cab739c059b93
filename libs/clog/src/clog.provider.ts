import { Logger, type CallOptions, type ComponentProvider, type HealthReport } from '@infra-kit/kernel';
import type { Logger as PinoInstance } from 'pino';
import type { LogLevel } from './levels/log-level.js';

/**
 * A logger of one namespace. No call of it ever throws, whatever it is given; one below the namespace's level costs a
 * comparison. `fields` are copied, redacted and cut to size at the call: what the caller does with them later is not seen.
 */
export abstract class ClogLogger extends Logger {
  /** `user.auth`; empty for the root. */
  abstract readonly namespacePath: string;
  /** Whether a line of that level would be written now. Ask before computing costly fields. */
  abstract isLevelEnabled(level: LogLevel): boolean;
  abstract override namespace(name: string): ClogLogger;
  /** Binds fields to every line of the result; a line's own field of the same name wins. `namespace` keeps them. */
  abstract override with(fields: object): ClogLogger;
}

/**
 * Structured logs of one application: one JSON line an event, written synchronously, so that a line that was logged
 * survives SIGTERM, `process.exit` and a crash.
 * After `close` a line goes to stderr; every other method, but `close` and `health`, is FAILED_PRECONDITION.
 */
export abstract class ClogProvider implements ComponentProvider {
  abstract readonly name: string;
  /** The logger without a namespace. */
  abstract readonly root: ClogLogger;
  /** pino itself, writing to the same place with the same redaction and trace ids, for libraries that ask for one. */
  abstract readonly native: PinoInstance;
  abstract logger(namespace?: string): ClogLogger;
  /**
   * Takes effect at once, on existing loggers too. Without a namespace it moves the level of all that have none of
   * their own. INVALID_ARGUMENT for an unknown level.
   */
  abstract setLevel(level: LogLevel, namespace?: string): void;
  /** The level in force: of the longest configured prefix of `namespace`, by whole segments, else the root's. */
  abstract level(namespace?: string): LogLevel;
  /** From now on each line also goes to `take`, as JSON, until the result is disposed. What `take` throws is lost. */
  abstract copyTo(take: (line: string) => void): Disposable;
  /** Resolves when what has been written is on the device, sums of left-out lines included. Default limit 5 s. */
  abstract flush(options?: CallOptions): Promise<void>;
  /** `degraded` while lines go to stderr because the output cannot be written. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  abstract close(): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;
}
