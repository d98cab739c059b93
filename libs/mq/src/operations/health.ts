import { messageOf, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { GroupSubscription } from '../consuming/group-subscription.js';
import type { MqEngine } from '../mq-engine.js';

const LIMIT_MS = 2000;

function consumerFacts(subscription: GroupSubscription): Record<string, unknown> {
  const { group, topics, state, assigned, lag, lastPollAt, lastError, restarts } = subscription.stats();
  return {
    group,
    topics,
    state,
    assigned: assigned.map(({ topic, partition }) => `${topic}/${partition}`),
    lag: Number(lag),
    lastPollAt: lastPollAt === undefined ? undefined : new Date(lastPollAt).toISOString(),
    lastError,
    restarts,
  };
}

/** Asks a server, and looks whether every consumer still polls; never throws. */
export async function reportHealth(
  { driver, runner, settings }: MqEngine,
  subscriptions: readonly GroupSubscription[],
  options: CallOptions | undefined,
): Promise<HealthReport> {
  const facts = { driver: driver.kind, ...driver.describe(), consumers: subscriptions.map(consumerFacts) };
  if (runner.closed) return { status: 'down', detail: { ...facts, error: 'closed' } };
  const { silenceMs } = settings().consumer;
  const silent = subscriptions.find(({ membership }) => membership.silentMs > silenceMs);
  if (silent !== undefined) {
    const seconds = Math.round(silent.membership.silentMs / 1000);
    const error = `the consumer of group ${silent.group} has not polled for ${seconds} s`;
    return { status: 'down', detail: { ...facts, error } };
  }
  const started = performance.now();
  try {
    const timeoutMs = Math.min(options?.timeoutMs ?? LIMIT_MS, LIMIT_MS);
    await runner.run('ping', { options: { signal: options?.signal, timeoutMs } }, (call) =>
      driver.ping(call),
    );
  } catch (error) {
    return { status: 'down', detail: { ...facts, error: messageOf(error) } };
  }
  const latencyMs = Math.round((performance.now() - started) * 10) / 10;
  const restarting = subscriptions.some(({ membership }) => membership.state === 'restarting');
  return { status: restarting ? 'degraded' : 'up', detail: { ...facts, latencyMs } };
}
