import { tokensOf, type Token } from '../../operations/analysis.js';
import type { HighlightPlan, TextPlan, TextUnit } from '../es-driver.js';
import { editDistance } from './edit-distance.js';
import { editsAllowed, phraseAt, textsAt } from './memory-text.js';

type Span = readonly [number, number];

/** The fields of a document with what matched between tags; fields without a match are left out. */
export function highlightsOf(
  source: unknown,
  text: TextPlan | undefined,
  { fields, pre, post }: HighlightPlan,
): Record<string, string[]> | undefined {
  if (text === undefined) return undefined;
  const searched = new Set(text.fields.map(({ name }) => name));
  const marked = fields.flatMap((field) => {
    const values = searched.has(field) ? textsAt(source, field) : [];
    const found = values.flatMap((value) => {
      const spans = spansIn(value, text);
      return spans.length === 0 ? [] : [tagged(value, spans, pre, post)];
    });
    return found.length === 0 ? [] : [[field, found] as const];
  });
  return marked.length === 0 ? undefined : Object.fromEntries(marked);
}

function spansIn(value: string, { units, need }: TextPlan): Span[] {
  const tokens = tokensOf(value);
  if (need === 'phrase') return phraseSpans(tokens, tokensOf(units[0]?.text ?? ''));
  return units.flatMap((unit) => {
    if (unit.pair) return phraseSpans(tokens, tokensOf(unit.text));
    return tokens.filter((token) => isMatch(token, unit)).map(({ start, end }) => [start, end] as const);
  });
}

function phraseSpans(tokens: readonly Token[], words: readonly Token[]): Span[] {
  return phraseAt(tokens, words).map((at) => [
    tokens[at]?.start ?? 0,
    tokens[at + words.length - 1]?.end ?? 0,
  ]);
}

function isMatch(token: Token, { text, how }: TextUnit): boolean {
  const term = text.toLowerCase();
  if (how === 'prefix') return token.text.startsWith(term);
  return how === 'fuzzy' ? editDistance(token.text, term) <= editsAllowed(term) : token.text === term;
}

/** Spans that touch become one. */
function tagged(value: string, spans: readonly Span[], pre: string, post: string): string {
  const joint: [number, number][] = [];
  for (const [start, end] of [...spans].sort(([a], [b]) => a - b)) {
    const last = joint.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else joint.push([start, end]);
  }
  let at = 0;
  let result = '';
  for (const [start, end] of joint) {
    result += value.slice(at, start) + pre + value.slice(start, end) + post;
    at = end;
  }
  return result + value.slice(at);
}
