import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { ClogProvider } from './clog.provider.js';

/** The token of a clog: the abstract class itself, or a symbol of its name. */
export function getClogToken(name?: string): InjectionToken<ClogProvider> {
  return instanceToken('clog', ClogProvider, name);
}

/** Injects the `ClogProvider`, or the instance of that name. */
export function InjectClog(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getClogToken(name));
}
