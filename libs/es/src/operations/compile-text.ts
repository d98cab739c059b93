import type { TextPlan, TextUnit, WeighedField } from '../drivers/es-driver.js';
import type { MatchKind } from '../es.types.js';
import { tokensOf, unitsOf, type Unit } from './analysis.js';

/** The words and pairs of a user's text, and how each is looked for. A text without any word finds nothing. */
export function compileText(text: string, match: MatchKind, fields: readonly WeighedField[]): TextPlan {
  if (match === 'phrase') return { fields, need: 'phrase', units: [{ text, pair: false, how: 'exact' }] };
  const tokens = tokensOf(text);
  const units = unitsOf(tokens);
  const lastIsWord = tokens.at(-1)?.single === false;
  const how = (unit: Unit, at: number): TextUnit['how'] => {
    if (match === 'fuzzy') return unit.pair ? 'exact' : 'fuzzy';
    return match === 'prefix' && lastIsWord && at === units.length - 1 ? 'prefix' : 'exact';
  };
  return {
    fields,
    need: match === 'any' ? 'any' : 'all',
    units: units.map((unit, at) => ({ ...unit, how: how(unit, at) })),
  };
}
