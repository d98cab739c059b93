import { BUCKET, SLOTS, WINDOW } from '../algorithms/algorithm.js';
import type { BucketLease } from '../algorithms/bucket.js';
import type { State } from '../algorithms/decide.js';
import type { Slot } from '../algorithms/slots.js';

/** Numbers of a state are whole: written in full, as Lua writes them by '%.0f'. */
const whole = (value: number): string => value.toFixed(0);

/** What a key holds: one text, its first letter the algorithm. */
export function stateText(state: State): string {
  switch (state.kind) {
    case BUCKET: {
      const { at, owed, leak, token, leases } = state.value;
      const held = leases.map(
        ({ owner, seq, size, until }) => ` ${owner} ${whole(seq)} ${whole(size)} ${whole(until)}`,
      );
      return `b ${whole(at)} ${whole(owed)} ${whole(leak)} ${whole(token)}${held.join('')}`;
    }
    case WINDOW: {
      const { start, lengthMs, before, count } = state.value;
      return `w ${whole(start)} ${whole(lengthMs)} ${whole(before)} ${whole(count)}`;
    }
    case SLOTS:
      return `s${state.value.held.map(({ id, until }) => ` ${id} ${whole(until)}`).join('')}`;
  }
}

const WHOLE = /^-?\d+$/;

/** How many words follow the letter, and how many each further item takes. */
const SHAPES: Readonly<Record<string, { readonly fixed: number; readonly item: number }>> = {
  b: { fixed: 4, item: 4 },
  w: { fixed: 4, item: 0 },
  s: { fixed: 0, item: 2 },
};

/** Undefined for what this suite has not written. */
export function parseState(text: string | undefined): State | undefined {
  const [letter = '', ...words] = text?.split(' ') ?? [];
  const shape = SHAPES[letter];
  if (shape === undefined) return undefined;
  const { fixed, item } = shape;
  const further = words.length - fixed;
  if (further < 0 || (item === 0 ? further > 0 : further % item !== 0)) return undefined;
  // the first word of an item is a name, all others are numbers
  const isName = (index: number): boolean => index >= fixed && (index - fixed) % item === 0;
  if (!words.every((word, index) => isName(index) || WHOLE.test(word))) return undefined;
  return stateOf(letter, words);
}

function stateOf(letter: string, words: readonly string[]): State {
  const number = (index: number): number => Number(words[index]);
  if (letter === 'w')
    return {
      kind: WINDOW,
      value: { start: number(0), lengthMs: number(1), before: number(2), count: number(3) },
    };
  if (letter === 's') {
    const held: Slot[] = [];
    for (let at = 0; at < words.length; at += 2) held.push({ id: words[at] ?? '', until: number(at + 1) });
    return { kind: SLOTS, value: { held } };
  }
  const leases: BucketLease[] = [];
  for (let at = 4; at < words.length; at += 4)
    leases.push({ owner: words[at] ?? '', seq: number(at + 1), size: number(at + 2), until: number(at + 3) });
  return {
    kind: BUCKET,
    value: { at: number(0), owed: number(1), leak: number(2), token: number(3), leases },
  };
}
