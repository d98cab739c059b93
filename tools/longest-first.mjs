import TestSequencer from '@jest/test-sequencer';

/** What takes longest, by the name of a spec file: it boots an application, or hurts a server of its own, or has one. */
const KINDS = [/\.e2e-spec\.ts$/, /-fault\.int-spec\.ts$/, /\.int-spec\.ts$/, /\.spec\.ts$/];

/**
 * The order of spec files: the longest first, so that no worker is left alone with a long one at the end. Jest orders by
 * the times of the last run; a fresh clone has none, and size says little: the kind of a file, then its size.
 */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const known = tests.some((test) => this.time(test) !== undefined);
    const sorted = super.sort([...tests]);
    return known ? sorted : sorted.toSorted((a, b) => kindOf(a) - kindOf(b));
  }
}

function kindOf({ path }) {
  return KINDS.findIndex((kind) => kind.test(path));
}
