import { InfraError, type Clock, type HealthReport, type ResourceStack } from '@infra-kit/kernel';
import type { InstanceIdHolder } from './instance-id/instance-id-holder.js';
import { parseSnowflake } from './snowflake/snowflake-layout.js';
import type { SnowflakeIssuer } from './snowflake/snowflake-issuer.js';
import { UidProvider, type SnowflakeParts, type UuidV7Parts } from './uid.provider.js';
import { isValidUuid, parseUuidV7 } from './uuid/uuid-text.js';
import { UuidV7Generator } from './uuid/uuid-v7.generator.js';

export interface UidParts {
  readonly name: string;
  readonly epochMs: number;
  /** Where the instance id comes from, for the health page. */
  readonly origin: string;
  readonly clock: Clock;
  readonly stack: ResourceStack;
  readonly holder: InstanceIdHolder;
  readonly issuer: SnowflakeIssuer;
}

/** Longest batch: four seconds of the format. */
const LARGEST_BATCH = 2 ** 24;

export class DefaultUidProvider extends UidProvider {
  override readonly name: string;
  readonly #parts: UidParts;
  readonly #clock: Clock;
  readonly #uuids = new UuidV7Generator();
  #closed = false;

  constructor(parts: UidParts) {
    super();
    this.name = parts.name;
    this.#parts = parts;
    this.#clock = parts.clock;
    parts.stack.push({ name: `uid(${parts.name})`, phase: 'leases', close: () => this.#end() });
  }

  override get instanceId(): number {
    return this.#parts.holder.instanceId;
  }

  override uuidv7(): string {
    if (this.#closed) this.#refuse();
    return this.#uuids.next(this.#clock.now());
  }

  override snowflake(): bigint {
    if (this.#closed) this.#refuse();
    return this.#parts.issuer.issue();
  }

  override snowflakes(n: number): bigint[] {
    if (this.#closed) this.#refuse();
    if (!Number.isInteger(n) || n < 0 || n > LARGEST_BATCH)
      throw new InfraError(
        'INVALID_ARGUMENT',
        `uid(${this.name}): snowflakes(n): n must be a whole number, 0 to ${LARGEST_BATCH} (got ${String(n)})`,
        { component: 'uid', instance: this.name },
      );
    return this.#parts.issuer.issueMany(n);
  }

  override parseSnowflake(id: bigint | string): SnowflakeParts {
    if (this.#closed) this.#refuse();
    return parseSnowflake(id, this.#parts.epochMs);
  }

  override parseUuidV7(id: string): UuidV7Parts {
    if (this.#closed) this.#refuse();
    return parseUuidV7(id);
  }

  override isValidUuid(value: unknown, version?: number): value is string {
    if (this.#closed) this.#refuse();
    return isValidUuid(value, version);
  }

  override health(): Promise<HealthReport> {
    const { holder, issuer, origin } = this.#parts;
    if (this.#closed) return Promise.resolve({ status: 'down', detail: { reason: 'closed' } });
    const { remainingMs, markMs } = holder;
    const obstacle = remainingMs > 0 ? issuer.obstacle : 'the lease of the instance id is lost';
    const detail = {
      instanceId: holder.instanceId,
      origin,
      ...(Number.isFinite(remainingMs) && { leaseRemainingMs: Math.round(remainingMs) }),
      ...(markMs !== undefined && Number.isFinite(markMs) && { highWater: new Date(markMs).toISOString() }),
      ...(obstacle !== undefined && { obstacle }),
    };
    return Promise.resolve({ status: obstacle === undefined ? 'up' : 'degraded', detail });
  }

  override async close(): Promise<void> {
    await this.#parts.stack.close();
  }

  async #end(): Promise<void> {
    this.#closed = true;
    await this.#parts.holder.close();
  }

  #refuse(): never {
    throw new InfraError('FAILED_PRECONDITION', `uid(${this.name}): closed`, {
      component: 'uid',
      instance: this.name,
    });
  }
}
