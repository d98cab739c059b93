import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { OnceProvider } from './once.provider.js';

/** The injection token of an instance: the abstract class, or a symbol of the name. */
export function getOnceToken(name?: string): InjectionToken {
  return instanceToken('once', OnceProvider, name);
}

/** Injects an instance by name. Without a name the type alone does: `constructor(once: OnceProvider)`. */
export function InjectOnce(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getOnceToken(name));
}
