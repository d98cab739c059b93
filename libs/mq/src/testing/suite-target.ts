import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { InfraErrorCode, Logger } from '@infra-kit/kernel';
import { isInfraError, LineLogger } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq } from '../create-mq.js';
import type { MqDriver } from '../drivers/mq-driver.js';
import type { MqOptions } from '../mq.config.js';
import type { IncomingMessage, MessageHandler, SubscribeOptions, Subscription } from '../mq.messages.js';
import type { MqProvider } from '../mq.provider.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface MqSuiteTarget {
  readonly name: string;
  /** A driver on servers that the whole suite shares; the suite closes it. */
  readonly open: () => MqDriver | Promise<MqDriver>;
}

/** For what goes wrong on purpose. */
class SilentLogger extends LineLogger {
  protected override write(): void {
    // the suite makes handlers fail all the time
  }
  override namespace(): Logger {
    return this;
  }
  override with(): Logger {
    return this;
  }
}

/** What real servers need is long; what a test shows is not the time. */
const PATIENCE_MS = 30_000;

/** What a test of the suite works with: topics and groups of its own. */
export class Bench {
  /** Stands before every topic. */
  readonly prefix = `suite-${randomBytes(6).toString('hex')}.`;
  readonly group = `suite-${randomBytes(6).toString('hex')}`;
  readonly #target: MqSuiteTarget;
  readonly #ends: (() => Promise<void>)[] = [];

  constructor(target: MqSuiteTarget) {
    this.#target = target;
  }

  /** An mq as another process would have it: a driver of its own. */
  async mq(options: MqOptions = {}): Promise<MqProvider> {
    const driver = await this.#target.open();
    this.#ends.push(() => driver.close());
    const mq = await createMq(
      { driver, topicPrefix: this.prefix, createTopics: true, ...options },
      { logger: new SilentLogger(), env: 'test' },
    );
    this.#ends.push(() => mq.close());
    return mq;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
  }
}

export type SuiteTest = (bench: Bench) => Promise<void>;

export function soon<T>(fn: () => T | Promise<T>): Promise<T> {
  return eventually(fn, { withinMs: PATIENCE_MS });
}

export async function rejects(code: InfraErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isInfraError(error), String(error));
    assert.equal(error.code, code, String(error));
    return true;
  });
}

/** Subscribes and keeps what comes. */
export async function collect(
  mq: MqProvider,
  topics: string | readonly string[],
  options: SubscribeOptions,
  handler: MessageHandler<unknown> = async () => undefined,
): Promise<{ readonly seen: IncomingMessage<unknown>[]; readonly subscription: Subscription }> {
  const seen: IncomingMessage<unknown>[] = [];
  const subscription = await mq.subscribe(
    topics,
    async (message, context) => {
      seen.push(message);
      await handler(message, context);
    },
    options,
  );
  return { seen, subscription };
}

export const values = (messages: readonly IncomingMessage<unknown>[]): unknown[] =>
  messages.map(({ value }) => value);

/** A door that opens when told. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
