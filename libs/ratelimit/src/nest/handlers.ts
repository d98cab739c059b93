/** A method is a handler when one of these is on it: of HTTP, microservices, WebSockets, GraphQL. */
const HANDLER_METADATA = [
  'path',
  'microservices:pattern',
  'websockets:message_mapping',
  'graphql:resolver_type',
];

const RESOLVER_METADATA = ['graphql:resolver_type', 'graphql:resolve_property'];

function descriptorOf(prototype: object, key: PropertyKey): PropertyDescriptor | undefined {
  for (let at: unknown = prototype; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at)) {
    const found = Reflect.getOwnPropertyDescriptor(at, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isHandler(method: unknown): boolean {
  return (
    typeof method === 'function' && HANDLER_METADATA.some((name) => Reflect.hasOwnMetadata(name, method))
  );
}

/** Of GraphQL: a field's resolver runs once an item, without guards. */
export function isResolver(method: unknown): boolean {
  return (
    typeof method === 'function' && RESOLVER_METADATA.some((name) => Reflect.hasOwnMetadata(name, method))
  );
}

/** Names of the methods that are handlers, inherited ones included. */
export function handlersOf(prototype: object): (string | symbol)[] {
  const keys = new Set<string | symbol>();
  for (
    let at: unknown = prototype;
    typeof at === 'object' && at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  )
    for (const key of Reflect.ownKeys(at)) keys.add(key);
  return [...keys].filter((key) => key !== 'constructor' && isHandler(descriptorOf(prototype, key)?.value));
}

/**
 * The class' own handler of that name. An inherited one gets a forwarder, with all its traits, on the class: what is put
 * on it then does not reach the other subclasses.
 */
export function forwardInherited(prototype: object, key: string | symbol): PropertyDescriptor | undefined {
  const own = Reflect.getOwnPropertyDescriptor(prototype, key);
  if (own !== undefined) return own;
  const inherited = descriptorOf(prototype, key);
  const method: unknown = inherited?.value;
  if (inherited === undefined || typeof method !== 'function') return undefined;
  const forwarder = function (this: object, ...args: unknown[]): unknown {
    const above: unknown = Reflect.get(Object.getPrototypeOf(prototype) as object, key);
    return Reflect.apply(above as (...all: unknown[]) => unknown, this, args);
  };
  for (const name of ['name', 'length'])
    Object.defineProperty(forwarder, name, { value: Reflect.get(method, name), configurable: true });
  for (const name of Reflect.getOwnMetadataKeys(method) as unknown[]) {
    const value: unknown = Reflect.getOwnMetadata(name, method);
    Reflect.defineMetadata(name, Array.isArray(value) ? [...value] : value, forwarder);
  }
  const descriptor = { ...inherited, value: forwarder };
  Object.defineProperty(prototype, key, descriptor);
  return descriptor;
}
