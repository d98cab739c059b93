import { randomUUID } from 'node:crypto';
import { v7 } from 'uuid';
import { uuidv7 } from 'uuidv7';
import { createUid } from '@infra-kit/uid';
import { compare } from '@infra-kit/testkit/bench';

const uid = await createUid({ instanceId: 1 });

await compare({
  title: 'uuidv7(): one id',
  baseline: { name: 'crypto.randomUUID()', run: () => randomUUID() },
  subjects: [
    { name: '@infra-kit/uid', run: () => uid.uuidv7(), goal: '<= 1' },
    { name: 'uuid v7()', run: () => v7() },
    { name: 'uuidv7 uuidv7()', run: () => uuidv7() },
  ],
});

// as text is used: a lookup needs its characters in one piece
const seen = new Set<string>();
await compare({
  title: 'uuidv7(): one id, looked up in a Set',
  baseline: { name: 'crypto.randomUUID()', run: () => seen.has(randomUUID()) },
  subjects: [
    { name: '@infra-kit/uid', run: () => seen.has(uid.uuidv7()), goal: '<= 1' },
    { name: 'uuid v7()', run: () => seen.has(v7()) },
    { name: 'uuidv7 uuidv7()', run: () => seen.has(uuidv7()) },
  ],
});

await uid.close();
