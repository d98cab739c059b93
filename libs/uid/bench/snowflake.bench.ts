import { SystemClock } from '@infra-kit/kernel';
import { createUid } from '@infra-kit/uid';
import { leasedWorkerIds } from '@infra-kit/uid/testing';
import { compare } from '@infra-kit/testkit/bench';

/** The format's own limit: 4,096 ids take one millisecond of the wall clock. */
const IDS = 4096;
let last = Date.now();
function nextMillisecond(): void {
  const from = last;
  while ((last = Date.now()) <= from);
}

const fixed = await createUid({ instanceId: 1 });
const leased = await createUid(
  { highWaterAheadMs: 60_000 },
  { workerIdSource: leasedWorkerIds(new SystemClock()), env: 'development' },
);

await compare({
  title: 'snowflake(): 4,096 ids',
  measure: 'throughput',
  baseline: { name: 'the format: 4,096 a millisecond', run: nextMillisecond },
  subjects: [
    {
      name: 'snowflake(), fixed id',
      run: () => {
        for (let i = 0; i < IDS; i++) fixed.snowflake();
      },
      goal: '>= 0.95',
    },
    {
      name: 'snowflake(), leased id',
      run: () => {
        for (let i = 0; i < IDS; i++) leased.snowflake();
      },
      goal: '>= 0.95',
    },
    { name: 'snowflakes(4096)', run: () => fixed.snowflakes(IDS), goal: '>= 0.95' },
  ],
});

await Promise.all([fixed.close(), leased.close()]);
