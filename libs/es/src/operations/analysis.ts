/** Words by Unicode's rules for text boundaries (UAX #29), as Elasticsearch's standard analyzer finds them. */
const WORDS = new Intl.Segmenter('en', { granularity: 'word' });
const EMOJI = /\p{Extended_Pictographic}/u;
/** Scripts without spaces: each character is a word of its own. */
const SINGLE = /[\p{Script=Han}\p{Script=Hiragana}]/u;

export interface Token {
  /** Lower case. */
  readonly text: string;
  readonly raw: string;
  readonly start: number;
  readonly end: number;
  /** A character of a script without spaces. */
  readonly single: boolean;
}

/** Splits text into words in lower case; a text in Chinese or Hiragana into its characters. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const { segment, index, isWordLike } of WORDS.segment(text)) {
    if (!isWordLike && !EMOJI.test(segment)) continue;
    if (!SINGLE.test(segment)) {
      const end = index + segment.length;
      tokens.push({ text: segment.toLowerCase(), raw: segment, start: index, end, single: false });
      continue;
    }
    let start = index;
    for (const character of segment) {
      const end = start + character.length;
      tokens.push({ text: character.toLowerCase(), raw: character, start, end, single: true });
      start = end;
    }
  }
  return tokens;
}

export interface Unit {
  readonly text: string;
  readonly pair: boolean;
}

/** What is looked for: words, and of neighbouring characters each two together (bigrams); a lone character alone. */
export function unitsOf(tokens: readonly Token[]): Unit[] {
  return tokens.flatMap((token, at): Unit[] => {
    if (!token.single) return [{ text: token.raw, pair: false }];
    const next = tokens[at + 1];
    if (next?.single) return [{ text: token.raw + next.raw, pair: true }];
    return tokens[at - 1]?.single ? [] : [{ text: token.raw, pair: false }];
  });
}
