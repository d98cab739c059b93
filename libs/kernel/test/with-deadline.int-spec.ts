import { expect, it } from '@jest/globals';
import { runFixture } from './child.js';

it('a rejection of the function after the deadline is not an unhandled one', async () => {
  const { code, lines } = await runFixture('late-rejection.mjs', []);
  expect({ code, lines }).toEqual({ code: 0, lines: ['DEADLINE_EXCEEDED', 'still alive'] });
});

it('control: without withDeadline the same late rejection ends the process', async () => {
  const { code, lines } = await runFixture('late-rejection.mjs', ['bare']);
  expect({ code, lines }).toEqual({ code: 1, lines: ['DEADLINE_EXCEEDED'] });
});
