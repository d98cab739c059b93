import assert from 'node:assert/strict';
import type { Product, SuiteTest } from './suite-target.js';

const SHOP: readonly Product[] = [
  { sku: 'shoes', title: 'Red running shoes', maker: { name: 'Acme Sport', country: 'it' } },
  { sku: 'hat', title: 'Red hat', maker: { name: 'Running Wild', country: 'us' } },
  { sku: 'phone', title: '智能手机 5G', maker: { name: '华为', country: 'cn' } },
  { sku: 'case', title: '手机壳 for iPhone', maker: { name: 'Acme', country: 'cn' } },
  { sku: 'arm', title: '机械手 robot arm', maker: { name: 'Acme', country: 'de' } },
];

export const textTests: Readonly<Record<string, SuiteTest>> = {
  'finds by any of the words, in whatever case, in every text field': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual((await bench.ids({ text: 'RUNNING arm' })).sort(), ['arm', 'hat', 'shoes']);
    assert.deepEqual(await bench.ids({ text: 'nothing of this' }), []);
  },

  'finds by all of the words, each in whichever field': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual((await bench.ids({ text: 'red running', match: 'all' })).sort(), ['hat', 'shoes']);
    assert.deepEqual(await bench.ids({ text: 'red acme', match: 'all' }), ['shoes']);
    assert.deepEqual(await bench.ids({ text: 'red robot', match: 'all' }), []);
  },

  'looks in the fields that are named alone': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual(await bench.ids({ text: 'running', fields: ['title'] }), ['shoes']);
    assert.deepEqual(await bench.ids({ text: 'running', fields: ['maker.name'] }), ['hat']);
  },

  'puts a match in a heavier field first': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual(await bench.ids({ text: 'running', fields: ['title^9', 'maker.name'] }), [
      'shoes',
      'hat',
    ]);
    assert.deepEqual(await bench.ids({ text: 'running', fields: ['title', 'maker.name^9'] }), [
      'hat',
      'shoes',
    ]);
  },

  'finds a phrase: the words next to each other, in this order': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual(await bench.ids({ text: 'running SHOES', match: 'phrase' }), ['shoes']);
    assert.deepEqual(await bench.ids({ text: 'shoes running', match: 'phrase' }), []);
    assert.deepEqual(await bench.ids({ text: 'red shoes', match: 'phrase' }), []);
    assert.deepEqual(await bench.ids({ text: '手机壳 for', match: 'phrase' }), ['case']);
  },

  'finds while it is being typed: every word, the last one as a beginning': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual(await bench.ids({ text: 'red sho', match: 'prefix' }), ['shoes']);
    assert.deepEqual((await bench.ids({ text: 'r', match: 'prefix' })).sort(), ['arm', 'hat', 'shoes']);
    assert.deepEqual(await bench.ids({ text: 'sho red', match: 'prefix' }), []);
    assert.deepEqual(await bench.ids({ text: '手机壳 ip', match: 'prefix' }), ['case']);
  },

  'finds words with letters wrong, missing or swapped, more in longer words': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual((await bench.ids({ text: 'runing', match: 'fuzzy' })).sort(), ['hat', 'shoes']);
    assert.deepEqual(await bench.ids({ text: 'rde shoez', match: 'fuzzy' }), ['shoes']);
    assert.deepEqual(await bench.ids({ text: 'sheos', match: 'fuzzy' }), ['shoes']);
    assert.deepEqual(await bench.ids({ text: 'shxxs', match: 'fuzzy' }), []);
    assert.deepEqual(await bench.ids({ text: 'hxx', match: 'fuzzy' }), []);
  },

  'finds Chinese by two neighbouring characters, and one character alone': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual((await bench.ids({ text: '手机' })).sort(), ['case', 'phone']);
    assert.deepEqual(await bench.ids({ text: '机械' }), ['arm']);
    assert.deepEqual(await bench.ids({ text: '华为手机', match: 'any' }).then((ids) => ids[0]), 'phone');
    assert.deepEqual((await bench.ids({ text: '手' })).sort(), ['arm', 'case', 'phone']);
    assert.deepEqual(await bench.ids({ text: '手机壳', match: 'all' }), ['case']);
    assert.deepEqual(await bench.ids({ text: 'iphone 手机', match: 'all' }), ['case']);
  },

  'finds everything for an empty text, and nothing for one without a word': async (bench) => {
    await bench.products(SHOP);
    assert.equal((await bench.ids({ text: '' })).length, SHOP.length);
    assert.equal((await bench.ids({ text: '  ' })).length, SHOP.length);
    assert.equal((await bench.ids({})).length, SHOP.length);
    assert.deepEqual(await bench.ids({ text: '!? -- ""' }), []);
  },

  'finds in fields that came with a document, at once': async (bench) => {
    const { es } = bench;
    await es.index('notes', { title: 'green tea' }, { id: '1', refresh: true });
    assert.deepEqual(await bench.ids({ text: 'green' }, 'notes'), ['1']);
    await es.index('notes', { body: { text: 'green leaves' } }, { id: '2', refresh: true });
    assert.deepEqual((await bench.ids({ text: 'green' }, 'notes')).sort(), ['1', '2']);
  },

  'shows what matched, neighbouring characters as one': async (bench) => {
    await bench.products(SHOP);
    const highlights = async (text: string, match: 'any' | 'phrase' | 'prefix' | 'fuzzy' = 'any') => {
      const { hits } = await bench.es.search('products', { text, match, highlight: ['title'], sort: 'sku' });
      return hits.map((hit) => hit.highlights?.['title']?.[0]);
    };
    assert.deepEqual(await highlights('running red', 'any'), [
      '<em>Red</em> hat',
      '<em>Red</em> <em>running</em> shoes',
    ]);
    assert.deepEqual(await highlights('手机'), ['<em>手机</em>壳 for iPhone', '智能<em>手机</em> 5G']);
    assert.deepEqual(await highlights('手机壳'), ['<em>手机壳</em> for iPhone', '智能<em>手机</em> 5G']);
    assert.deepEqual(await highlights('sho', 'prefix'), ['Red running <em>shoes</em>']);
    assert.deepEqual(await highlights('shoez', 'fuzzy'), ['Red running <em>shoes</em>']);
  },

  'shows it between tags of the caller, in the fields asked for': async (bench) => {
    await bench.products(SHOP);
    const highlight = { fields: ['title', 'maker.name'], pre: '[', post: ']' };
    const { hits } = await bench.es.search('products', { text: 'acme shoes', match: 'all', highlight });
    assert.deepEqual(hits[0]?.highlights, { title: ['Red running [shoes]'], 'maker.name': ['[Acme] Sport'] });
  },
};
