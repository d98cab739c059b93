import type { Clock } from '@infra-kit/kernel';
import type { OncePlace } from '../once.errors.js';
import type { OnceCall, OnceResult } from '../once.provider.js';
import type { OnceReason } from '../once.telemetry.js';
import type { CallChain } from './call-chain.js';

/** One call of `execute`, with nothing left open. */
export interface OnceRequest<T> {
  readonly key: string;
  /** The key as the store knows it. */
  readonly stored: string;
  readonly fn: (call: OnceCall) => Promise<T>;
  readonly fingerprint: string | undefined;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly onInFlight: 'reject' | 'wait';
  readonly waitMs: number;
  readonly maxResultBytes: number;
  readonly storeError: ((error: unknown) => boolean) | undefined;
  /** The caller's limits; undefined: it has none. */
  readonly signal: AbortSignal | undefined;
}

/** Another has the key. */
export interface InFlight {
  readonly inFlightMs: number;
}

/** What both ways to run need. */
export interface RunParts {
  readonly place: OncePlace;
  readonly clock: Clock;
  readonly chain: CallChain;
  /** Told once a call how it ended. */
  readonly count: (reason: OnceReason) => void;
}

/** One of the two ways to run something once. Errors of the function come out as they are. */
export interface OnceRuns {
  execute<T>(request: OnceRequest<T>): Promise<OnceResult<T>>;
}
