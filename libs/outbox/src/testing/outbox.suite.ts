import { inboxCases } from './inbox.suite.js';
import { parkingCases } from './parking.suite.js';
import { publishCases } from './publish.suite.js';
import { relayCases } from './relay.suite.js';
import { withBench, type OutboxSuiteTarget, type SuiteRunner } from './suite-target.js';

/** What an outbox promises, on any database; messages go through an mq in memory. */
export function outboxSuite({ describe, it }: SuiteRunner, target: OutboxSuiteTarget): void {
  const groups = {
    publishing: publishCases,
    'the relay': relayCases,
    parking: parkingCases,
    'the inbox': inboxCases,
  };
  describe(`an outbox on ${target.name}`, () => {
    for (const [group, cases] of Object.entries(groups))
      describe(group, () => {
        for (const [name, each] of Object.entries(cases))
          if (each.concurrent !== true || target.concurrent !== false)
            it(name, () => withBench(target, each));
      });
  });
}
