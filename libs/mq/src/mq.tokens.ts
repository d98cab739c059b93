import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { MqProvider } from './mq.provider.js';

/** The injection token of an mq: the abstract class, or a symbol of the instance's name. */
export function getMqToken(name?: string): InjectionToken {
  return instanceToken('mq', MqProvider, name);
}

/** Injects an mq by name: `@InjectMq('events')`. Without a name the type alone does: `constructor(mq: MqProvider)`. */
export function InjectMq(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getMqToken(name));
}
