// What `npm run check` runs: everything CI asks before it tests, side by side, for most of it uses one processor.
// Each step's output is printed when it has ended; the exit code is 0 only when all passed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

process.chdir(join(import.meta.dirname, '..'));

/** Runs an npm script to its end; says what it printed and how long it took, and resolves with whether it passed. */
async function passes(script) {
  const begun = performance.now();
  const child = spawn('npm', ['run', '-s', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const code = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const printed = await Promise.all([text(child.stdout), text(child.stderr)]);
  const passed = (await code) === 0;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(`${passed ? 'passed' : 'FAILED'}  ${script} (${seconds} s)\n${printed.join('')}`);
  return passed;
}

/** What needs the built packages waits for them; none of it runs when the build fails. */
async function onBuilt(...scripts) {
  return (await passes('build')) && allOf(await Promise.all(scripts.map(passes)));
}

const allOf = (results) => results.every((passed) => passed);

const results = await Promise.all([
  onBuilt('typecheck:spec', 'exports:built', 'layers'),
  passes('format:check'),
  passes('lint'),
  passes('docs'),
]);
process.exitCode = allOf(results) ? 0 : 1;
