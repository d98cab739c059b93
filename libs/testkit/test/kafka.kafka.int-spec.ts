import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '@platformatic/kafka';
import { sharedKafka, uniqueName } from '@infra-kit/testkit';

describe('topics of the shared Kafka', () => {
  let admin: Admin;
  beforeAll(() => {
    admin = new Admin({ clientId: 'testkit', bootstrapBrokers: [...sharedKafka().brokers] });
  });
  afterAll(() => admin.close());

  it('never meet when their names are unique, and none is made by itself', async () => {
    const [mine, yours] = [uniqueName('orders'), uniqueName('orders')];
    await admin.createTopics({ topics: [mine], partitions: 3, replicas: 1 });
    const topics = await admin.listTopics();
    expect(topics).toContain(mine);
    expect(topics).not.toContain(yours);
    await admin.deleteTopics({ topics: [mine] });
  });
});
