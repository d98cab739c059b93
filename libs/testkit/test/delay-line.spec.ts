import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DelayLine } from '../src/proxy/delay-line.js';

describe('a delay line', () => {
  let line: DelayLine;
  let delivered: string[];
  const push = (delayMs: number, name: string): void => line.push(delayMs, () => delivered.push(name));

  beforeEach(() => {
    jest.useFakeTimers();
    line = new DelayLine();
    delivered = [];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('delivers at once what has no delay', () => {
    push(0, 'a');
    expect(delivered).toEqual(['a']);
  });

  it('delivers a delayed entry when its time has come and not before', () => {
    push(100, 'a');
    jest.advanceTimersByTime(99);
    expect(delivered).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(delivered).toEqual(['a']);
  });

  it('keeps the order when a later entry has a shorter delay', () => {
    push(100, 'a');
    push(0, 'b');
    push(10, 'c');
    jest.advanceTimersByTime(99);
    expect(delivered).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(delivered).toEqual(['a', 'b', 'c']);
  });

  it('delivers each entry at its own time, with one timer for all', () => {
    push(10, 'a');
    push(50, 'b');
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(10);
    expect(delivered).toEqual(['a']);
    jest.advanceTimersByTime(40);
    expect(delivered).toEqual(['a', 'b']);
  });

  it('delivers nothing after it was closed', () => {
    push(10, 'a');
    line.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(1_000);
    expect(delivered).toEqual([]);
  });
});
