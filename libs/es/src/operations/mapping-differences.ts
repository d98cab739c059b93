import { isDeepStrictEqual } from 'node:util';
import type { FieldMapping, FieldMappings } from '../es.types.js';
import { fieldOf } from './fields.js';

export interface MappingDifferences {
  /** Fields that are kept in another way, each in words. */
  readonly conflicts: readonly string[];
  /** Fields that are missing, as a mapping to add. */
  readonly missing: FieldMappings;
}

const isObjectField = ({ type, properties }: FieldMapping): boolean =>
  properties !== undefined || type === 'object';

function typeOf(field: FieldMapping): string {
  return field.type ?? (isObjectField(field) ? 'object' : 'none');
}

/** How a field is wanted and is not: its type, or how its text is split. Options that may change later are not compared. */
function conflictOf(path: string, have: FieldMapping, want: FieldMapping): string | undefined {
  if (typeOf(have) !== typeOf(want)) return `'${path}' is ${typeOf(have)}, wanted is ${typeOf(want)}`;
  const [is, wanted] = [have.analyzer ?? 'standard', want.analyzer ?? 'standard'];
  return isDeepStrictEqual(is, wanted) ? undefined : `'${path}' is analyzed by ${is}, wanted is ${wanted}`;
}

/** What an index lacks of a wanted mapping, and where it contradicts it. Fields that it has beside are its own affair. */
export function mappingDifferences(
  have: FieldMappings,
  want: FieldMappings,
  prefix = '',
): MappingDifferences {
  const conflicts: string[] = [];
  const missing: Record<string, FieldMapping> = {};
  for (const [name, field] of Object.entries(want)) {
    const known = fieldOf(have, name);
    const conflict = known && conflictOf(prefix + name, known, field);
    if (known === undefined) missing[name] = field;
    else if (conflict !== undefined) conflicts.push(conflict);
    else addInner(name, known, field);
  }
  return { conflicts, missing };

  function addInner(name: string, known: FieldMapping, field: FieldMapping): void {
    const inner = mappingDifferences(known.properties ?? {}, field.properties ?? {}, `${prefix}${name}.`);
    conflicts.push(...inner.conflicts);
    if (Object.keys(inner.missing).length > 0)
      missing[name] = { ...withoutParts(known), properties: inner.missing };
  }
}

function withoutParts({ type }: FieldMapping): FieldMapping {
  return type === undefined ? {} : { type };
}
