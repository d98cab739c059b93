import { expect, it } from '@jest/globals';
import { createEs, type EsOptions, type MatchKind } from '@infra-kit/es';
import { seededRandom } from '@infra-kit/kernel/testing';

const KINDS: readonly MatchKind[] = ['any', 'all', 'phrase', 'prefix', 'fuzzy'];
/** What is syntax in Elasticsearch's query strings, in Lucene's, in JSON and in URLs. */
const SPECIAL = [
  ...Array.from('+-=&|><!(){}[]^"~*?:\\/.,;%$#@`\''),
  ' AND ',
  ' OR ',
  ' NOT ',
  '&&',
  '||',
  'title:',
  '_exists_:',
  '[a TO z]',
  '/.*/',
  '\\u0000',
  '\n',
  '手',
  '😀',
];
const WORDS = ['apple', 'banana', 'cherry'];

/** Runs on either driver: user text is data, whatever is in it. */
export function specialTextBehaviour(
  options: () => EsOptions & { readonly indexPrefix: string },
  rounds: number,
): void {
  it('takes every special character of the query syntax as plain text', async () => {
    const random = seededRandom();
    const es = await createEs({ requestTimeoutMs: 60_000, ...options() }, { env: 'test' });
    const properties = { title: { type: 'text' }, secret: { type: 'text' } };
    await es.indices.create('fruits', { mappings: { properties }, settings: { number_of_replicas: 0 } });
    for (const word of [...WORDS, 'secret'])
      await es.index('fruits', { title: word, secret: 'hidden' }, { id: word, refresh: true });

    for (let round = 0; round < rounds; round++) {
      const noise = (): string =>
        Array.from({ length: random.int(0, 6) }, () => random.pick(SPECIAL)).join('');
      const wanted = random.pick(WORDS);
      const match = random.pick(KINDS);
      const text = `${noise()} ${wanted} ${noise()}`;
      const { hits } = await es.search('fruits', { text, match, fields: ['title'] });
      const ids = hits.map(({ id }) => id);
      // words of the noise may ask for more than there is; nothing in it ever finds another document
      expect({ text, match, others: ids.filter((id) => id !== wanted) }).toEqual({ text, match, others: [] });
      if (match === 'any') expect({ text, ids }).toEqual({ text, ids: [wanted] });
    }
    for (const text of [
      '*',
      '?',
      'title:apple*',
      'app*',
      '/app.*/',
      'title:(apple OR banana) -x',
      '_exists_:title',
    ])
      expect({
        text,
        ids: (
          await es.search('fruits', {
            text: text.replaceAll('apple', 'appl').replaceAll('banana', 'bana'),
            fields: ['title'],
          })
        ).hits.map(({ id }) => id),
      }).toEqual({ text, ids: [] });
    await es.indices.delete('fruits');
    await es.close();
  }, 120_000);
}
