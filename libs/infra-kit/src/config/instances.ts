import { COMPONENT_KEYS, isComponentKey, type ComponentKey, type Instance } from './components.js';

/** What `forRoot` was asked to load: one entry an instance, with its configuration. */
export interface RequestedInstance extends Instance {
  readonly options: object;
}

interface Named {
  readonly name?: string;
}

function entriesOf(component: ComponentKey, option: unknown): RequestedInstance[] {
  if (option === true) return [{ component, name: undefined, options: {} }];
  if (Array.isArray(option)) return option.flatMap((item: unknown) => entriesOf(component, item));
  if (typeof option !== 'object' || option === null) return [];
  const { name, ...options } = option as Named;
  return [{ component, name, options }];
}

/** The instances that the options of `forRoot` name, in the order of the components. */
export function requestedInstances(options: object): RequestedInstance[] {
  return COMPONENT_KEYS.flatMap((component) => entriesOf(component, Reflect.get(options, component)));
}

/** An entry of `forRootAsync({ components })`: 'cache' or 'cache:sessions'. */
export function parseEntry(entry: string): Instance | undefined {
  const [component = '', name, ...rest] = entry.split(':');
  if (!isComponentKey(component) || name === '' || rest.length > 0) return undefined;
  return { component, name };
}

/** `true` or a configuration: what one instance is asked for with. */
export function isInstanceOption(option: unknown): boolean {
  return option === true || (typeof option === 'object' && option !== null && !Array.isArray(option));
}

/** What is wrong with the shape of the options, before any component looks at its own. */
export function shapeProblems(options: object, ownFields: readonly string[]): string[] {
  return Object.entries(options).flatMap(([key, value]) => {
    if (ownFields.includes(key) || value === undefined) return [];
    if (!isComponentKey(key))
      return [`${key}: unknown field; known are ${[...ownFields, ...COMPONENT_KEYS].join(', ')}`];
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (items.length === 0 || !items.every((item) => isInstanceOption(item)))
      return [
        `${key}: must be true, a configuration, or a list of configurations; leave it out to do without ${key}`,
      ];
    return twins(key, items);
  });
}

function twins(key: string, items: readonly unknown[]): string[] {
  const names = items.map((item) => (item === true ? undefined : (item as Named).name) ?? 'default');
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  return repeated.length === 0
    ? []
    : [`${key}: the instance '${repeated[0]}' appears more than once; give each its own name`];
}
