import { describe, expect, it } from '@jest/globals';
import { EdgeCalls } from '@infra-kit/kernel';

const calls = new EdgeCalls();

/** A method with as many wrappers as `levels`; each says what was done before it. */
function wrapped(levels: number, seen: unknown[][]): { run(): void } {
  const self = { run: (): void => undefined };
  for (let level = 0; level < levels; level++) {
    const below = self.run;
    const wrapper = (): void => {
      const frame = calls.enter({ self, key: 'run', wrapper });
      seen.push([...frame.done]);
      frame.done.add(`level ${level}`);
      calls.run(frame, below);
    };
    self.run = wrapper;
  }
  return self;
}

describe('what is done once a call', () => {
  it('is shared by the wrappers of one call, and by no other call', () => {
    const seen: unknown[][] = [];
    const self = wrapped(2, seen);
    self.run();
    self.run();
    expect(seen).toEqual([[], ['level 1'], [], ['level 1']]);
  });

  it('is known from a ticket, good for one call of its handler', () => {
    const seen: unknown[][] = [];
    const [self, other] = [wrapped(1, seen), wrapped(1, seen)];
    calls.admit(Reflect.get(self, 'run'), new Set(['rule']), () => {
      other.run();
      self.run();
      self.run();
    });
    expect(seen).toEqual([[], ['rule'], []]);
  });

  it('starts anew in a call of itself', () => {
    const seen: unknown[][] = [];
    let depth = 0;
    const self = { run: (): void => undefined };
    const wrapper = (): void => {
      const frame = calls.enter({ self, key: 'run', wrapper });
      seen.push([...frame.done]);
      frame.done.add('rule');
      calls.run(frame, () => {
        if (depth++ < 1) self.run();
      });
    };
    self.run = wrapper;
    self.run();
    expect(seen).toEqual([[], []]);
  });
});
