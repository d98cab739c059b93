import { randomBytes } from 'node:crypto';

/** A prefix no other spec, worker or run uses, e.g. 'cache-3f9c2a71d04b:'. For keys, topics, groups and namespaces alike. */
export function uniquePrefix(name: string, separator = ':'): string {
  return `${name}-${randomBytes(6).toString('hex')}${separator}`;
}

/** The same for a name that nothing follows: a topic, a group, a transactional id, e.g. 'orders-3f9c2a71d04b'. */
export function uniqueName(name: string): string {
  return uniquePrefix(name, '');
}
