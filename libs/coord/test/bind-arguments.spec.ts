import { describe, expect, it } from '@jest/globals';
import { createCoord } from '@infra-kit/coord';
import { eventually } from '@infra-kit/kernel/testing';
import { CapturedLogger } from './coord-bench.js';

const invalid = { code: 'INVALID_ARGUMENT' };

describe('the arguments of bind', () => {
  it('a parse that answers with a promise refuses the document, and its rejection ends no process', async () => {
    await using coord = await createCoord(
      { driver: 'memory' },
      { env: 'test', logger: new CapturedLogger() },
    );
    const parse = async (): Promise<never> => {
      throw new Error('too late');
    };
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    await coord.config.set('a', 1);
    await expect(coord.config.bind('a', { parse })).rejects.toMatchObject({
      ...invalid,
      message: expect.stringContaining('promise'),
    });
    const handle = await coord.config.bind<unknown>('b', { parse, fallback: 7 });
    await coord.config.set('b', 1);
    await eventually(() => expect(handle.rejected?.errors).toEqual([expect.stringContaining('promise')]));
    expect(handle.current).toBe(7);
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  it('an onChange that is no function is refused at once', async () => {
    await using coord = await createCoord({ driver: 'memory' }, { env: 'test' });
    const options = { parse: Number, fallback: 1, onChange: 5 as unknown as () => void };
    await expect(coord.config.bind('a', options)).rejects.toMatchObject({
      ...invalid,
      message: expect.stringContaining('onChange'),
    });
  });
});
