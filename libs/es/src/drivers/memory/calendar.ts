import type { CalendarInterval } from '../../es.types.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How far the clocks of a zone are ahead of UTC at an instant, in milliseconds. */
function offsetMs(at: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((each) => each.type === type)?.value);
  const local = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return local - Math.floor(at / 1000) * 1000;
}

function startOnClock(local: number, interval: CalendarInterval): number {
  const date = new Date(local);
  switch (interval) {
    case 'minute':
      return Math.floor(local / MINUTE_MS) * MINUTE_MS;
    case 'hour':
      return Math.floor(local / HOUR_MS) * HOUR_MS;
    case 'day':
      return Math.floor(local / DAY_MS) * DAY_MS;
    case 'week':
      // weeks begin on Monday
      return Math.floor(local / DAY_MS) * DAY_MS - ((date.getUTCDay() + 6) % 7) * DAY_MS;
    case 'month':
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
    case 'year':
      return Date.UTC(date.getUTCFullYear(), 0);
  }
}

/** The instant at which the interval of a zone's calendar that holds `at` began. */
export function intervalStart(at: number, interval: CalendarInterval, timeZone: string): number {
  const offset = offsetMs(at, timeZone);
  const start = startOnClock(at + offset, interval);
  // the clocks may have been changed in between
  const guess = start - offset;
  return start - offsetMs(guess, timeZone);
}

const LONGEST_MS: Readonly<Record<CalendarInterval, number>> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS + 2 * HOUR_MS,
  week: 7 * DAY_MS + 2 * HOUR_MS,
  month: 31 * DAY_MS + 2 * HOUR_MS,
  year: 366 * DAY_MS + 2 * HOUR_MS,
};

/** The beginning of the interval after the one that begins at `start`. */
export function nextStart(start: number, interval: CalendarInterval, timeZone: string): number {
  return intervalStart(start + LONGEST_MS[interval], interval, timeZone);
}
