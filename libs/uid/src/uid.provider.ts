import type { CallOptions, HealthReport } from '@infra-kit/kernel';

export interface SnowflakeParts {
  readonly timestamp: Date;
  /** 0 … 1023. */
  readonly instanceId: number;
  /** 0 … 4095. */
  readonly sequence: number;
}

export interface UuidV7Parts {
  readonly timestamp: Date;
}

/**
 * Identifiers: UUID version 7 (RFC 9562) and snowflakes (Twitter, 2010).
 * Methods that make ids are synchronous and may block for the rest of a millisecond, at most for `maxRollbackMs`.
 * After `close`, every call but `close` and `health` is FAILED_PRECONDITION.
 */
export abstract class UidProvider implements AsyncDisposable {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** 1 … 1023. After a lost lease the id changes with the new one. */
  abstract readonly instanceId: number;

  /**
   * Lower case, strictly increasing within this provider, also as text; never backwards when the clock steps back.
   * 48 bits of milliseconds, a counter of 26 bits seeded at random each millisecond (RFC 9562 section 6.2, method 1),
   * 48 fresh random bits. Needs no instance id: goes on when the lease is lost.
   */
  abstract uuidv7(): string;

  /**
   * 63 bits: 41 of milliseconds since `epochMs`, 10 of instance, 12 of sequence. Strictly increasing within this
   * provider. The 4,097th of a millisecond waits for the next one, and a clock that stepped back by at most
   * `maxRollbackMs` is waited for.
   * @throws UidLeaseLostError the instance id is not surely this process's, or its high-water mark is reached
   * @throws ClockRollbackError the clock is more than `maxRollbackMs` behind the last id
   * @throws InfraError RESOURCE_EXHAUSTED, not retryable: 41 bits are used up (69.7 years after `epochMs`)
   */
  abstract snowflake(): bigint;

  /** `n` snowflakes (0 … 2²⁴), ascending, at best 4,096 a millisecond: blocks that long. Errors: `snowflake`'s; none is issued then. */
  abstract snowflakes(n: number): bigint[];

  /**
   * Takes a snowflake apart, with this provider's `epochMs`. Text is decimal digits alone. A number is refused: beyond
   * 2⁵³ it has lost precision. Anything outside 63 bits: INVALID_ARGUMENT.
   */
  abstract parseSnowflake(id: bigint | string): SnowflakeParts;

  /** The time in a UUID of version 7, of any maker. Any other text: INVALID_ARGUMENT. */
  abstract parseUuidV7(id: string): UuidV7Parts;

  /** RFC 9562 text form, upper or lower case; of that version when one is named (nil is 0, max is 15). Never throws for a bad id. */
  abstract isValidUuid(value: unknown, version?: number): value is string;

  /** `degraded` while no snowflake can be made; `down` after `close`. Never throws. */
  abstract health(options?: CallOptions): Promise<HealthReport>;

  /** Stores the exact last time and gives the instance id back. Idempotent. */
  abstract close(): Promise<void>;

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
