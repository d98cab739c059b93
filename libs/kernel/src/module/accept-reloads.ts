import { placeOf } from '../errors/place.js';
import type { ReloadTarget } from '../lifecycle/reload-registry.js';
import type { ComponentSetting } from './component.js';

export interface Reloadable<C> extends Pick<ReloadTarget<C>, 'parse' | 'apply'> {
  /** What the code passed: a document takes the place of the fields it names. */
  readonly options: object;
}

/** Has a component take new configuration until its stack closes; without a registry it does nothing. */
export function acceptReloads<C>(setting: ComponentSetting, target: Reloadable<C>): void {
  const { component, name, reload, stack } = setting;
  const registration = reload?.register<C>({
    component,
    instance: name,
    parse: (document) => target.parse({ ...target.options, ...asObject(document) }),
    apply: (next) => target.apply(next),
  });
  if (registration)
    stack.push({
      name: `${placeOf(component, name).label} reload`,
      phase: 'connections',
      close: () => registration[Symbol.dispose](),
    });
}

/** A document that is no object is refused by the parser, with its own sentence. */
function asObject(document: unknown): object {
  return typeof document === 'object' && document !== null && !Array.isArray(document)
    ? document
    : { document };
}
