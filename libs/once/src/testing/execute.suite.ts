import assert from 'node:assert/strict';
import { HttpException } from '@nestjs/common';
import { InfraError } from '@infra-kit/kernel';
import { Readable } from 'node:stream';
import { OnceMismatchError, OnceResultGoneError } from '../once.errors.js';
import { Effect, isCode, type SuiteTest } from './suite-target.js';

/** A key that runs once, results and errors that come back. */
export const executeTests: Readonly<Record<string, SuiteTest>> = {
  'runs a key once, and replays what it gave, from another instance too': async ({ once, another, key }) => {
    const [effect, id] = [new Effect(), key()];
    assert.deepEqual(await once.execute(id, effect.atOnce), { value: 1, replayed: false });
    assert.deepEqual(await once.execute(id, effect.atOnce), { value: 1, replayed: true });
    assert.deepEqual(await (await another()).execute(id, effect.atOnce), { value: 1, replayed: true });
    assert.equal(effect.count, 1);
  },

  'says with `do` whether it ran now': async ({ once, key }) => {
    const [effect, id] = [new Effect(), key()];
    assert.deepEqual([await once.do(id, effect.atOnce), await once.do(id, effect.atOnce)], [true, false]);
    assert.equal(effect.count, 1);
  },

  'gives results as JSON does, to the first caller too': async ({ once, key }) => {
    const made = { at: new Date(0), list: [1, undefined, -0], none: undefined, text: 'ä😀\ud800' };
    const told = { at: '1970-01-01T00:00:00.000Z', list: [1, null, 0], text: 'ä😀\ud800' };
    const id = key();
    assert.deepEqual((await once.execute<unknown>(id, async () => made)).value, told);
    assert.deepEqual((await once.execute<unknown>(id, async () => made)).value, told);
    for (const value of [undefined, null, '', 0, false, [], {}]) {
      const other = key();
      assert.deepEqual(await once.execute(other, async () => value), { value, replayed: false });
      assert.deepEqual(await once.execute(other, async () => 'else'), { value, replayed: true });
    }
  },

  'frees the key of a function that failed, and lets its very error through': async ({ once, key }) => {
    const [id, error] = [key(), new Error('no stock')];
    await assert.rejects(
      once.execute(id, async () => {
        throw error;
      }),
      (thrown) => thrown === error,
    );
    assert.equal(await once.get(id), undefined);
    assert.deepEqual(await once.execute(id, async () => 'now'), { value: 'now', replayed: false });
  },

  'keeps the errors it is told to, and replays them as the same': async ({ once, key }) => {
    const errors = [
      new InfraError('FAILED_PRECONDITION', 'sold out', { component: 'shop' }),
      new HttpException({ message: 'gone', sku: 7 }, 410),
      Object.assign(new RangeError('too many'), { limit: 3 }),
    ];
    for (const error of errors) {
      const id = key();
      let runs = 0;
      const fail = (): Promise<unknown> =>
        once.execute(
          id,
          async () => {
            runs++;
            throw error;
          },
          { storeError: (thrown) => thrown === error },
        );
      await assert.rejects(fail(), (thrown) => thrown === error);
      await assert.rejects(fail(), (thrown: unknown) => {
        assert.ok(thrown instanceof Error && thrown !== error);
        assert.deepEqual([thrown.name, thrown.message], [error.name, error.message]);
        assert.equal(thrown instanceof InfraError, error instanceof InfraError);
        assert.equal(thrown instanceof HttpException, error instanceof HttpException);
        assert.equal(JSON.stringify(Object.entries(thrown)), JSON.stringify(Object.entries(error)));
        return true;
      });
      assert.equal(runs, 1);
    }
    const other = key();
    const storeError = (): boolean => false;
    await assert.rejects(
      once.execute(other, () => Promise.reject(new Error('x')), { storeError }),
      /x/,
    );
    assert.deepEqual(await once.execute(other, async () => 1, { storeError }), { value: 1, replayed: false });
  },

  'gives the error of the function, and frees the key, where `storeError` throws or gives no boolean':
    async ({ once, key }) => {
      const throws = (): boolean => {
        throw new Error('of the predicate');
      };
      const promises = (): boolean => Promise.resolve(true) as unknown as boolean;
      for (const storeError of [throws, promises]) {
        const [effect, id, error] = [new Effect(), key(), new Error('of the function')];
        const failing = once.execute(id, () => Promise.reject(error), { storeError });
        await assert.rejects(failing, (thrown) => thrown === error);
        assert.deepEqual(await once.execute(id, effect.atOnce), { value: 1, replayed: false });
      }
    },

  'keeps errors without what JSON cannot write': async ({ once, key }) => {
    const unreadable = {
      enumerable: true,
      get: () => {
        throw new Error('of the getter');
      },
    };
    const errors = [
      Object.defineProperty(new Error('unreadable'), 'member', unreadable),
      new HttpException({ amount: 1n }, 402),
    ];
    for (const error of errors) {
      const [effect, id] = [new Effect(), key()];
      const failing = once.execute(id, () => Promise.reject(error), { storeError: () => true });
      await assert.rejects(failing, (thrown) => thrown === error);
      await assert.rejects(once.execute(id, effect.atOnce), (thrown: unknown) => {
        assert.ok(thrown instanceof Error && thrown !== error);
        assert.deepEqual([thrown.name, thrown.message], [error.name, error.message]);
        if (error instanceof HttpException)
          assert.equal(thrown instanceof HttpException && thrown.getStatus(), 402);
        return true;
      });
      assert.equal(effect.count, 0);
    }
  },

  'keeps of a result that is too large, a stream or no JSON that the effect has happened': async ({
    once,
    key,
  }) => {
    const [large, stream, big] = [key(), key(), key()];
    const text = 'ä'.repeat(50);
    const options = { maxResultBytes: 101 };
    assert.equal((await once.execute(large, async () => text, options)).value, text);
    assert.equal((await once.execute(key(), async () => text, { maxResultBytes: 102 })).value, text);
    const source = Readable.from(['x']);
    assert.equal((await once.execute(stream, async () => source)).value, source);
    await assert.rejects(
      once.execute(big, async () => 1n),
      isCode('INVALID_ARGUMENT'),
    );
    for (const id of [large, stream, big])
      await assert.rejects(
        once.execute(id, async () => 'again'),
        (error: unknown) => {
          assert.ok(error instanceof OnceResultGoneError);
          assert.deepEqual([error.code, error.retryable], ['ALREADY_EXISTS', false]);
          return true;
        },
      );
  },

  'refuses the key for another payload, and runs nothing': async ({ once, key }) => {
    const [effect, id] = [new Effect(), key()];
    await once.execute(id, effect.atOnce, { fingerprint: { a: 1, b: [1, 2], c: 'é' } });
    const same = { fingerprint: { c: 'é', b: [1, 2], d: undefined, a: 1.0 } };
    assert.equal((await once.execute(id, effect.atOnce, same)).replayed, true);
    for (const fingerprint of [{ a: 1, b: [2, 1], c: 'é' }, { a: 1.5, b: [1, 2], c: 'é' }, null, 'x'])
      await assert.rejects(once.execute(id, effect.atOnce, { fingerprint }), (error: unknown) => {
        assert.ok(error instanceof OnceMismatchError);
        assert.deepEqual([error.code, error.httpStatus], ['INVALID_ARGUMENT', 422]);
        return true;
      });
    assert.equal(effect.count, 1);
  },

  'compares payloads when both calls have one': async ({ once, key }) => {
    const [effect, with1, without] = [new Effect(), key(), key()];
    await once.execute(with1, effect.atOnce, { fingerprint: 1 });
    assert.equal((await once.execute(with1, effect.atOnce)).replayed, true);
    await once.execute(without, effect.atOnce);
    assert.equal((await once.execute(without, effect.atOnce, { fingerprint: 1 })).replayed, true);
  },

  'keeps scopes and services apart, however they are spelt': async ({ once, another, key }) => {
    const id = key();
    const elsewhere = await another({}, 'other-service');
    const scoped = (scope: string, of: string) => once.execute(of, async () => scope, { scope });
    await scoped('', id);
    await scoped('a', `b:${id}`);
    for (const [scope, of] of [
      ['tenant', id],
      ['a:b', id],
      ['a%3ab', id],
      ['{a}', id],
      ['x'.repeat(500), id],
      [`${'x'.repeat(499)}y`, id],
    ] as const)
      assert.deepEqual(await scoped(scope, of), { value: scope, replayed: false });
    assert.equal((await elsewhere.execute(id, async () => 1)).replayed, false);
    assert.equal((await scoped('tenant', id)).replayed, true);
  },

  'refuses a key inside its own run, instead of waiting for itself': async ({ once, key }) => {
    const [id, other] = [key(), key()];
    const outcome = await once.execute(id, async () => {
      const inner = once.execute(id, async () => 1, { onInFlight: 'wait' });
      await assert.rejects(inner, isCode('FAILED_PRECONDITION'));
      return once.do(other, async () => 1);
    });
    assert.equal(outcome.value, true);
  },

  'tells code inside of a run its key, fence and signal': async ({ once, key }) => {
    const [id, inner] = [key(), key()];
    assert.equal(once.current(), undefined);
    let left: Promise<unknown> | undefined;
    await once.execute(id, async (call) => {
      assert.equal(once.current(), call);
      await once.execute(inner, async (nested) => assert.equal(once.current(), nested));
      assert.equal(once.current(), call);
      left = new Promise((resolve) => setImmediate(resolve)).then(() => once.current());
    });
    assert.equal(await left, undefined);
  },

  'refuses bad input, named, with nothing run': async ({ once, key }) => {
    const effect = new Effect();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const bad: [string, unknown, unknown, RegExp][] = [
      ['', effect.atOnce, {}, /key must not be empty/],
      ['x'.repeat(256), effect.atOnce, {}, /key must not be longer than 255/],
      ['a\0b', effect.atOnce, {}, /key .*NUL/],
      ['\ud800', effect.atOnce, {}, /key must be well-formed/],
      [7 as unknown as string, effect.atOnce, {}, /key must be a text, got 7/],
      [key(), 'fn', {}, /needs a function, got "fn"/],
      [key(), effect.atOnce, 5, /options must be an object/],
      [key(), effect.atOnce, { ttlMs: 0 }, /ttlMs .*got 0/],
      [key(), effect.atOnce, { ttlMs: 1.5 }, /ttlMs .*got 1.5/],
      [key(), effect.atOnce, { leaseMs: -1 }, /leaseMs .*got -1/],
      [key(), effect.atOnce, { waitMs: Number.NaN }, /waitMs .*got NaN/],
      [key(), effect.atOnce, { maxResultBytes: -1 }, /maxResultBytes .*got -1/],
      [key(), effect.atOnce, { onInFlight: 'queue' }, /onInFlight .*"queue"/],
      [key(), effect.atOnce, { storeError: true }, /storeError .*true/],
      [key(), effect.atOnce, { store: 'file' }, /store .*"file"/],
      [key(), effect.atOnce, { scope: 5 }, /scope must be a text, got 5/],
      [key(), effect.atOnce, { fingerprint: { n: 1n } }, /fingerprint .*"n" is a bigint/],
      [key(), effect.atOnce, { fingerprint: Number.NaN }, /fingerprint .*NaN/],
      [key(), effect.atOnce, { fingerprint: new Map() }, /fingerprint .*Map/],
      [key(), effect.atOnce, { fingerprint: () => 1 }, /fingerprint .*function/],
      [key(), effect.atOnce, { fingerprint: cyclic }, /fingerprint .*circular/i],
    ];
    for (const [id, fn, options, message] of bad)
      await assert.rejects(once.execute(id, fn as Effect['atOnce'], options as object), (error: unknown) => {
        assert.ok(isCode('INVALID_ARGUMENT')(error), `${String(error)} for ${String(message)}`);
        assert.match((error as Error).message, message);
        return true;
      });
    assert.equal(effect.count, 0);
  },
};
