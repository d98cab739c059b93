import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { EsProvider } from './es.provider.js';

/** The injection token of an es: the abstract class, or a symbol of the instance's name. */
export function getEsToken(name?: string): InjectionToken {
  return instanceToken('es', EsProvider, name);
}

/** Injects an es by name. Without a name the type alone does: `constructor(es: EsProvider)`. */
export function InjectEs(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getEsToken(name));
}
