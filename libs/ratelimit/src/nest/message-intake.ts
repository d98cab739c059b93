import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Whoever brings messages to handlers and can stop bringing them: a Kafka consumer. The port by which a handler that is
 * refused keeps its message: the intake is paused and the same message decided again, never dropped.
 */
export interface MessageIntake {
  /** Takes no further messages of this kind for `ms`, keeps its place among the consumers, and resolves when it goes on. */
  pause(ms: number): Promise<void>;
}

const intakes = new AsyncLocalStorage<MessageIntake>();

/** Runs a message's handler: `@RateLimit` on it, or on what it calls, pauses `intake` where it would have thrown. */
export function withMessageIntake<T>(intake: MessageIntake, handler: () => T): T {
  return intakes.run(intake, handler);
}

export function currentIntake(): MessageIntake | undefined {
  return intakes.getStore();
}
