import { InfraError } from '@infra-kit/kernel';
import { parse, validate, version as versionOf } from 'uuid';
import type { UuidV7Parts } from '../uid.provider.js';

const SHOWN_CHARS = 60;

/** RFC 9562 text form; of that version when one is named. */
export function isValidUuid(value: unknown, version?: number): value is string {
  return validate(value) && (version === undefined || versionOf(value as string) === version);
}

export function parseUuidV7(id: unknown): UuidV7Parts {
  if (!isValidUuid(id, 7)) {
    const shown = typeof id === 'string' ? JSON.stringify(id.slice(0, SHOWN_CHARS)) : typeof id;
    throw new InfraError('INVALID_ARGUMENT', `uid: not a UUID of version 7: ${shown}`, { component: 'uid' });
  }
  const bytes = parse(id);
  return {
    timestamp: new Date(
      new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) * 65_536 +
        ((bytes[4] ?? 0) << 8) +
        (bytes[5] ?? 0),
    ),
  };
}
