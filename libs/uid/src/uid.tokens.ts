import { Inject, type Abstract } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { UidProvider } from './uid.provider.js';

/** The token of the default instance (`UidProvider` itself), or of a named one. */
export function getUidToken(name?: string): Abstract<UidProvider> | symbol {
  return instanceToken('uid', UidProvider, name);
}

/** Injects the default instance, or the named one. */
export function InjectUid(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getUidToken(name));
}
