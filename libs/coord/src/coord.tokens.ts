import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { CoordProvider } from './coord.provider.js';

/** The injection token of a coord: the abstract class, or a symbol of the instance's name. */
export function getCoordToken(name?: string): InjectionToken {
  return instanceToken('coord', CoordProvider, name);
}

/** Injects a coord by name. Without a name the type alone does: `constructor(coord: CoordProvider)`. */
export function InjectCoord(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getCoordToken(name));
}
