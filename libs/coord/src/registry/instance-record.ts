import { invalidArgument, shown, type CoordPlace } from '../coord.errors.js';
import type { KeySpace } from '../operations/key-space.js';
import type { Member, ServiceInstance } from './service-instance.js';

/** The text under which an instance stands in the store. */
export function writeRecord({ instance, ttlMs }: Member): string {
  return JSON.stringify({ ...instance, ttlMs });
}

/** The same, of an instance that says goodbye. */
export function writeGoodbye({ instance, ttlMs }: Member): string {
  return JSON.stringify({ ...instance, ttlMs, leaving: true });
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText);
const isWeight = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;

export type ReadRecord = Member | 'leaving' | undefined;

/** Undefined for a text that is no record. What the key says of service and id wins. */
export function readRecord(service: string, id: string, text: string): ReadRecord {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { address, metadata, weight, zone, ttlMs, leaving } = stored as Record<string, unknown>;
  if (leaving === true) return 'leaving';
  if (!isText(address)) return undefined;
  const instance: ServiceInstance = Object.freeze({
    service,
    id,
    address,
    ...(isTexts(metadata) && { metadata: Object.freeze(metadata) }),
    ...(isWeight(weight) && { weight }),
    ...(isText(zone) && { zone }),
  });
  return { instance, ttlMs: Number.isFinite(ttlMs) ? Number(ttlMs) : 0 };
}

/** `host:port`, `[v6]:port`; a port of 1 to 65,535. */
const ADDRESS = /^(?:\[[0-9a-f:.%]+\]|[^\s/:[\]]+):(\d{1,5})$/i;

function isAddress(value: unknown): boolean {
  const port = isText(value) ? Number(ADDRESS.exec(value)?.[1] ?? 0) : 0;
  return port >= 1 && port <= 65_535;
}

export function checkMetadata(place: CoordPlace, metadata: unknown): Readonly<Record<string, string>> {
  if (isTexts(metadata)) return { ...metadata };
  throw invalidArgument(place, `metadata must be an object of texts, got ${shown(metadata)}`);
}

/** A copy of what the caller passed. INVALID_ARGUMENT for what could not be reached or read back. */
export function checkInstance(place: CoordPlace, keys: KeySpace, given: ServiceInstance): ServiceInstance {
  if (typeof given !== 'object' || given === null)
    throw invalidArgument(place, `instance must be an object, got ${shown(given)}`);
  const { service, id, address, metadata, weight, zone } = given;
  keys.segment(service, 'service');
  keys.segment(id, 'id');
  if (!isAddress(address)) throw invalidArgument(place, `address must be host:port, got ${shown(address)}`);
  if (weight !== undefined && !isWeight(weight))
    throw invalidArgument(place, `weight must be a number ≥ 0, got ${shown(weight)}`);
  if (zone !== undefined && !isText(zone))
    throw invalidArgument(place, `zone must be a text, got ${shown(zone)}`);
  return {
    service,
    id,
    address,
    ...(metadata !== undefined && { metadata: checkMetadata(place, metadata) }),
    ...(weight !== undefined && { weight }),
    ...(zone !== undefined && { zone }),
  };
}
