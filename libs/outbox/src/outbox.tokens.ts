import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { OutboxProvider } from './outbox.provider.js';

/** The injection token of an instance: the abstract class, or a symbol of the name. */
export function getOutboxToken(name?: string): InjectionToken {
  return instanceToken('outbox', OutboxProvider, name);
}

/** Injects an instance by name. Without a name the type alone does: `constructor(outbox: OutboxProvider)`. */
export function InjectOutbox(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getOutboxToken(name));
}
