import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { advance, type Position } from '../src/snowflake/advance.js';
import { END_OF_TIME, LAST_SEQUENCE } from '../src/snowflake/snowflake-layout.js';

const at = (offset: number, sequence: number): Position => ({ offset, sequence });

describe('advance: the snowflake algorithm', () => {
  it.each([
    [
      'a later millisecond begins at sequence 0',
      at(100, 7),
      101,
      { kind: 'issue', offset: 101, sequence: 0 },
    ],
    ['the same millisecond counts on', at(100, 7), 100, { kind: 'issue', offset: 100, sequence: 8 }],
    ['the 4,097th waits for the next millisecond', at(100, 4095), 100, { kind: 'full', untilOffset: 101 }],
    ['a step back of the limit is waited out', at(100, 7), 90, { kind: 'behind', untilOffset: 100 }],
    ['a larger step back is refused', at(100, 7), 89, { kind: 'rolled-back', byMs: 11 }],
    ['before the first id nothing is issued', at(-1, 4095), -1, { kind: 'full', untilOffset: 0 }],
    ['the first id', at(-1, 4095), 0, { kind: 'issue', offset: 0, sequence: 0 }],
    [
      'the last millisecond of 41 bits is used',
      at(100, 7),
      END_OF_TIME - 1,
      { kind: 'issue', offset: END_OF_TIME - 1, sequence: 0 },
    ],
    ['after it nothing is issued', at(100, 7), END_OF_TIME, { kind: 'ended' }],
  ])('%s', (_name, last, now, step) => {
    expect(advance(last, now, 10)).toEqual(step);
  });

  it('issues only what comes after the last id, whatever the clock does', () => {
    const position = fc.record({
      offset: fc.integer({ min: -1, max: END_OF_TIME - 1 }),
      sequence: fc.integer({ min: 0, max: LAST_SEQUENCE }),
    });
    const nearOrFar = fc.oneof(
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -END_OF_TIME, max: END_OF_TIME }),
    );
    fc.assert(
      fc.property(position, nearOrFar, fc.integer({ min: 0, max: 100 }), (last, by, maxRollbackMs) => {
        const now = last.offset + by;
        const step = advance(last, now, maxRollbackMs);
        if (step.kind === 'issue') {
          expect(step.offset * 4096 + step.sequence).toBeGreaterThan(last.offset * 4096 + last.sequence);
          expect(step.offset).toBe(now);
          expect(step.offset).toBeLessThan(END_OF_TIME);
          expect(step.sequence).toBeLessThanOrEqual(LAST_SEQUENCE);
        } else if (step.kind === 'behind' || step.kind === 'full') {
          expect(step.untilOffset - now).toBeGreaterThan(0);
          expect(step.untilOffset - now).toBeLessThanOrEqual(Math.max(maxRollbackMs, 1));
        } else if (step.kind === 'rolled-back') expect(step.byMs).toBeGreaterThan(maxRollbackMs);
        else expect(now).toBeGreaterThanOrEqual(END_OF_TIME);
      }),
      { numRuns: 5000 },
    );
  });
});
