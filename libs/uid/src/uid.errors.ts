import { InfraError, type InfraErrorOptions } from '@infra-kit/kernel';

/** The instance id is not surely this process's at the moment; it recovers by itself. UNAVAILABLE, retryable. */
export class UidLeaseLostError extends InfraError {
  static {
    this.prototype.name = 'UidLeaseLostError';
  }

  constructor(message: string, options: InfraErrorOptions = {}) {
    super('UNAVAILABLE', message, { component: 'uid', ...options });
  }
}

/** The wall clock is behind the last id by more than is waited for; over when it is back. UNAVAILABLE, retryable. */
export class ClockRollbackError extends InfraError {
  static {
    this.prototype.name = 'ClockRollbackError';
  }

  /** How far the clock is behind, in milliseconds. */
  readonly behindMs: number;

  constructor(message: string, options: InfraErrorOptions & { readonly behindMs: number }) {
    const { behindMs, ...rest } = options;
    super('UNAVAILABLE', message, { component: 'uid', retryAfterMs: behindMs, ...rest });
    this.behindMs = behindMs;
  }
}
