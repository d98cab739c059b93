import { describe, expect, it } from '@jest/globals';
import { until } from '@infra-kit/testkit';

describe('until', () => {
  it('returns the first thing seen', async () => {
    const looks = [undefined, false, 'seen', 'later'] as const;
    let at = 0;
    expect(await until('it is seen', () => looks[at++], { everyMs: 1 })).toBe('seen');
  });

  it('takes zero and the empty string for something seen', async () => {
    expect(await until('a number', () => 0)).toBe(0);
    expect(await until('a text', () => '')).toBe('');
  });

  it('names what did not happen when the deadline passes, with the last failure as cause', async () => {
    const cause = new Error('refused');
    const looking = until('the port opens', () => Promise.reject(cause), { deadlineMs: 1 });
    await expect(looking).rejects.toMatchObject({ message: 'not within 1 ms: the port opens', cause });
  });
});
