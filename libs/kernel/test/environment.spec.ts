import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { envText, isProductionLike, parseDuration, redactUrl, resolveEnv } from '@infra-kit/kernel';

describe('parseDuration', () => {
  it.each([
    [250, 250],
    [0, 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1_500],
    [' 10 s ', 10_000],
  ])('%p is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 's', '5 parsecs', '-5s', '1e3s', '5s5', -1, Number.NaN, Infinity, null, undefined, 5n])(
    '%p is INVALID_ARGUMENT and quoted',
    (value) => {
      expect(() => parseDuration(value as string)).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/^not a duration: .+; write milliseconds or '30s'/),
        }),
      );
    },
  );
});

describe('the environment', () => {
  const names = ['INFRA_ENV', 'NODE_ENV', 'INFRA_TEST_BLANK'];
  let saved: [string, string | undefined][];
  beforeEach(() => {
    saved = names.map((name) => [name, process.env[name]]);
    for (const name of names) delete process.env[name];
  });
  afterEach(() => {
    for (const [name, value] of saved)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });

  it('is what the code says, else INFRA_ENV, else NODE_ENV, else development', () => {
    expect(resolveEnv()).toBe('development');
    process.env['NODE_ENV'] = 'production';
    expect(resolveEnv()).toBe('production');
    process.env['INFRA_ENV'] = 'staging';
    expect(resolveEnv()).toBe('staging');
    expect(resolveEnv('test')).toBe('test');
    expect(resolveEnv(' ')).toBe('staging');
  });

  it('behaves as production under any name but development and test', () => {
    expect(['development', 'test', 'production', 'staging'].map(isProductionLike)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('takes a blank variable for none', () => {
    process.env['INFRA_TEST_BLANK'] = '  ';
    expect(envText('INFRA_TEST_BLANK')).toBeUndefined();
    process.env['INFRA_TEST_BLANK'] = ' x ';
    expect(envText('INFRA_TEST_BLANK')).toBe('x');
  });
});

describe('redactUrl', () => {
  it.each([
    ['redis://user:secret@host:6379/0', 'redis://***:***@host:6379/0'],
    ['postgres://host/db?password=secret&ssl=1', 'postgres://host/db?password=***&ssl=***'],
    ['secret', '<not a URL>'],
    ['user:secret@host', '<not a URL>'],
    ['localhost:6379', 'localhost:6379'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});
