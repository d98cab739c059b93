import { describe, expect, it } from '@jest/globals';
import { closedError, errorAt, invalidArgument, placeOf, shown } from '@infra-kit/kernel';

describe('a place', () => {
  it('is the component, and the instance where it has a name', () => {
    expect(placeOf('cache', 'default')).toEqual({ component: 'cache', name: 'default', label: 'cache' });
    expect(placeOf('cache', 'sessions').label).toBe('cache(sessions)');
  });

  it('is told by its errors', () => {
    const place = placeOf('mq', 'events');
    const cause = new Error('below');
    expect(errorAt(place, 'UNAVAILABLE', 'away', { retryable: false, cause })).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'mq(events): away',
      component: 'mq',
      instance: 'events',
      retryable: false,
      cause,
    });
    expect(invalidArgument(place, 'topic: empty', cause)).toMatchObject({ code: 'INVALID_ARGUMENT', cause });
    expect(closedError(place)).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'mq(events): it is closed; make a new one',
    });
  });
});

it.each([
  ['a "quoted" text', '"a \\"quoted\\" text"'],
  ['x'.repeat(81), `"${'x'.repeat(80)}…"`],
  [undefined, 'undefined'],
  [null, 'null'],
  [-0.5, '-0.5'],
  [7n, '7'],
  [Symbol('s'), 'Symbol(s)'],
  [[1], 'a list'],
  [
    {
      toString: () => {
        throw new Error('unreadable');
      },
    },
    'an object',
  ],
  [() => 1, 'a function'],
])('%p in a message is short and never throws', (value, text) => {
  expect(shown(value)).toBe(text);
});
