import { describe, expect, it } from '@jest/globals';
import { Version } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Readable } from 'node:stream';
import { callerOf, headerKey, payloadOf, scopeOf } from '../src/nest/http-request.js';
import { storedKey, storedPrefix } from '../src/store/stored-key.js';
import { canonicalJson, fingerprintOf } from '../src/values/fingerprint.js';

describe('canonical JSON', () => {
  it.each<[string, unknown, string]>([
    [
      'sorts members by code unit',
      { b: 1, a: 2, '€': 3, '\u{1f600}': 4, '\ufb33': 5, 10: 6, 9: 7 },
      '{"10":6,"9":7,"a":2,"b":1,"€":3,"😀":4,"\ufb33":5}',
    ],
    ['keeps the order of lists', [2, 1, { b: 1, a: [] }], '[2,1,{"a":[],"b":1}]'],
    [
      'drops undefined members, and keeps null',
      { a: undefined, b: null, c: [undefined] },
      '{"b":null,"c":[null]}',
    ],
    ['has one zero, and numbers as ECMAScript writes them', [-0, 1.0, 1e21, 0.1], '[0,1,1e+21,0.1]'],
    [
      'takes dates and buffers as toJSON says',
      [new Date(0), Buffer.from('a')],
      '["1970-01-01T00:00:00.000Z",{"data":[97],"type":"Buffer"}]',
    ],
    ['does not normalise Unicode', ['é', 'e\u0301'], '["é","e\u0301"]'],
  ])('%s', (_name, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it.each<[string, unknown, string]>([
    ['a bigint', { n: 1n }, '"n" is a bigint'],
    ['NaN', [Number.NaN], 'is NaN'],
    ['Infinity', { a: { b: Infinity } }, '"b" is Infinity'],
    ['a Map', { m: new Map() }, 'Map or Set'],
    ['a Set', new Set(), 'Map or Set'],
    ['a function', { f: () => 1 }, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['half of a surrogate pair', '\ud800', 'surrogate'],
  ])('refuses %s', (_name, value, message) => {
    expect(() => fingerprintOf(value, (why) => new RangeError(why))).toThrow(message);
  });
});

describe('the payload of a request', () => {
  const request = { params: { id: '1' }, query: { q: '2' }, body: { a: 1 }, headers: {} };
  it('is path, query and body, and the body alone is left out of multipart and streams', () => {
    const { params, query, body } = request;
    expect(payloadOf(request)).toEqual({ params, query, body });
    const multipart = { 'content-type': 'Multipart/form-data; boundary=x' };
    expect(payloadOf({ ...request, headers: multipart })).toEqual({ params, query });
    expect(payloadOf({ ...request, body: Readable.from([]) })).toEqual({ params, query });
  });
});

describe('whose key it is', () => {
  class Orders {
    @Version('2')
    second(): void {}
    both(): void {}
  }
  Reflect.defineMetadata('__version__', ['3', '4'], Orders);
  const scope = (request: object, method: 'second' | 'both', caller = ''): string => {
    const handler = Object.getOwnPropertyDescriptor(Orders.prototype, method)?.value as () => void;
    return scopeOf(new ExecutionContextHost([request], Orders, handler), caller);
  };

  it('is method, route with prefix and version, and caller, on Express and Fastify', () => {
    const express = { method: 'POST', baseUrl: '/api', route: { path: '/v1/orders/:id' } };
    const fastify = { method: 'POST', routeOptions: { url: '/api/v1/orders/:id' } };
    expect(scope(express, 'second', 'ada')).toBe('POST /api/v1/orders/:id;v=2 ada');
    expect(scope(fastify, 'second', 'ada')).toBe('POST /api/v1/orders/:id;v=2 ada');
    expect(scope(fastify, 'both')).toBe('POST /api/v1/orders/:id;v=3,4');
  });

  it('is the user by id, else by sub, else nobody, never the address', () => {
    expect(callerOf({ user: { id: 7, sub: 's' }, ip: '10.0.0.1' })).toBe('7');
    expect(callerOf({ user: { sub: 's' }, ip: '10.0.0.1' })).toBe('s');
    expect(callerOf({ ip: '10.0.0.1', headers: { 'x-forwarded-for': '10.0.0.1' } })).toBe('');
    expect(callerOf({ user: { id: {} } })).toBe('');
  });
});

describe('a key in a header', () => {
  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    [' "a\\"b\\\\c" ', 'a"b\\c'],
    [undefined, undefined],
  ])('%j is %j', (field, key) => {
    expect(headerKey({ headers: { 'x-k': field } }, 'X-K', 10)).toBe(key);
  });

  it.each(['', '""', '"a', 'a b', '"a b"', '"a";q=1', 'ä', 'x'.repeat(11), '"a\\x"', '\u007f'])(
    '%j is malformed',
    (field) => {
      expect(() => headerKey({ headers: { 'x-k': field } }, 'X-K', 10)).toThrow(
        'header X-K must hold 1 to 10',
      );
    },
  );

  it('that was sent twice is malformed', () => {
    expect(() => headerKey({ headers: { 'x-k': 'a, b' } }, 'X-K', 10)).toThrow('header X-K');
    expect(() => headerKey({ headers: { 'x-k': ['a', 'b'] } }, 'X-K', 10)).toThrow('header X-K');
  });
});

describe('the stored name of a key', () => {
  it('is different wherever service, scope or key are', () => {
    const parts = [
      '',
      'a',
      'a:',
      ':a',
      'a:a',
      '%3a',
      'a%',
      '{a}',
      '}',
      'x'.repeat(300),
      `%h${'x'.repeat(43)}`,
    ];
    const names = parts.flatMap((service) =>
      parts.flatMap((scope) => parts.map((key) => storedKey('p:', service, scope, key))),
    );
    expect(new Set(names).size).toBe(parts.length ** 3);
  });

  it('begins as the name of its beginning', () => {
    for (const key of ['{a}:%b', 'plain'])
      for (let length = 0; length <= key.length; length++)
        expect(
          storedKey('p:', 's', 't', key).startsWith(storedPrefix('p:', 's', 't', key.slice(0, length))),
        ).toBe(true);
  });
});
