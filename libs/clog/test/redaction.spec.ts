import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_REDACT, REDACTED } from '@infra-kit/clog';
import { at, capturedClog } from './clogs.js';

const SECRET = 's3cr3t-value';

describe('redaction', () => {
  it.each([...DEFAULT_REDACT, 'AUTHORIZATION', 'Set-Cookie', 'apikey', 'PassWord'])(
    'hides %s',
    async (key) => {
      await using app = await capturedClog();
      app.clog.root.info('x', { [key]: SECRET, shown: 'yes' });
      expect(app.captured.last).toMatchObject({ [key]: REDACTED, shown: 'yes' });
    },
  );

  it.each([1, 2, 3, 4, 5])('hides a key %i levels deep', async (depth) => {
    await using app = await capturedClog();
    let fields: object = { token: SECRET };
    for (let level = 1; level < depth; level++) fields = { inner: fields };
    app.clog.root.info('x', fields);
    expect(app.captured.texts.join('')).not.toContain(SECRET);
    expect(app.captured.texts.join('')).toContain(REDACTED);
  });

  it('goes through arrays, maps, class instances and toJSON', async () => {
    class Account {
      readonly name = 'ada';
      readonly password = SECRET;
    }
    class Hidden {
      toJSON(): object {
        return { inner: { cookie: SECRET }, kept: 1 };
      }
    }
    await using app = await capturedClog();
    app.clog.root.info('x', {
      list: [{ secret: SECRET }, [{ token: SECRET }]],
      map: new Map([['authorization', SECRET]]),
      account: new Account(),
      hidden: new Hidden(),
    });
    expect(app.captured.last).toMatchObject({
      list: [{ secret: REDACTED }, [{ token: REDACTED }]],
      map: { authorization: REDACTED },
      account: { name: 'ada', password: REDACTED },
      hidden: { inner: { cookie: REDACTED }, kept: 1 },
    });
  });

  it('goes through bound fields and the properties of errors', async () => {
    const err = Object.assign(new Error('401'), {
      config: { headers: { authorization: SECRET } },
      token: SECRET,
    });
    err.cause = Object.assign(new Error('inner'), { config: { headers: { Cookie: SECRET } } });
    await using app = await capturedClog();
    app.clog.root.with({ user: { password: SECRET } }).error('x', { err });
    expect(app.captured.texts.join('')).not.toContain(SECRET);
    expect(at(app.captured.last, 'err', 'config', 'headers', 'authorization')).toBe(REDACTED);
    expect(at(app.captured.last, 'user', 'password')).toBe(REDACTED);
  });

  it('hides values of any kind, objects too', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', { token: { value: SECRET }, secret: [SECRET], password: null });
    expect(app.captured.last).toMatchObject({ token: REDACTED, secret: REDACTED, password: REDACTED });
  });

  it('adds keys and paths of the configuration to the defaults', async () => {
    await using app = await capturedClog({ redact: ['Email', 'card.number', 'keys.*'] });
    app.clog.root.info('x', {
      email: SECRET,
      password: SECRET,
      order: { card: [{ number: SECRET, holder: 'ada' }] },
      number: 7,
      keys: { one: SECRET },
    });
    expect(app.captured.last).toMatchObject({
      email: REDACTED,
      password: REDACTED,
      order: { card: [{ number: REDACTED, holder: 'ada' }] },
      number: 7,
      keys: { one: REDACTED },
    });
  });

  it('takes * for the elements of arrays too', async () => {
    await using app = await capturedClog({ redact: ['list.*.pin', 'codes.*'] });
    app.clog.root.info('x', {
      list: [{ pin: SECRET, shown: 1 }, [{ pin: SECRET }]],
      deep: { list: { one: { pin: SECRET } } },
      codes: [SECRET, { inner: SECRET }],
      pin: 7,
    });
    expect(app.captured.last).toMatchObject({
      list: [{ pin: REDACTED, shown: 1 }, [{ pin: REDACTED }]],
      deep: { list: { one: { pin: REDACTED } } },
      codes: [REDACTED, REDACTED],
      pin: 7,
    });
  });

  it('never changes what the caller passed', async () => {
    await using app = await capturedClog();
    const fields = Object.freeze({
      password: SECRET,
      deep: Object.freeze({ list: Object.freeze([{ token: SECRET }]) }),
    });
    const before = structuredClone(fields);
    app.clog.root.info('x', fields);
    app.clog.root.with(fields).info('y');
    expect(fields).toEqual(before);
    expect(app.captured.texts.join('')).not.toContain(SECRET);
  });

  it('shows no secret of any shape to depth 5, and everything else', async () => {
    await using app = await capturedClog();
    const secretKey = fc.constantFrom(...DEFAULT_REDACT, ...DEFAULT_REDACT.map((key) => key.toUpperCase()));
    const path = fc.array(fc.constantFrom('a', 'b', 0), { minLength: 0, maxLength: 4 });
    fc.assert(
      fc.property(path, secretKey, (way, key) => {
        app.captured.clear();
        const nested = way.reduceRight<object>(
          (inner, step) => (typeof step === 'number' ? [inner] : { [step]: inner, beside: 'shown' }),
          { [key]: SECRET, beside: 'shown' },
        );
        app.clog.root.info('x', { root: nested, beside: 'shown' });
        const [text = ''] = app.captured.texts;
        return !text.includes(SECRET) && text.includes(REDACTED) && text.includes('shown');
      }),
    );
  });
});
