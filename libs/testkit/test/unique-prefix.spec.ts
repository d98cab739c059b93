import { describe, expect, it } from '@jest/globals';
import { uniqueName, uniquePrefix } from '@infra-kit/testkit';

describe('a unique prefix', () => {
  it('starts with the name it was given, so that a leftover tells its spec', () => {
    expect(uniquePrefix('cache')).toMatch(/^cache-[0-9a-f]{12}:$/);
    expect(uniquePrefix('topic', '.')).toMatch(/^topic-[0-9a-f]{12}\.$/);
  });

  it('stands alone as a name that topics, groups, databases and indices may all have', () => {
    expect(uniqueName('orders')).toMatch(/^orders-[0-9a-f]{12}$/);
  });

  it('is another one each time', () => {
    expect(new Set(Array.from({ length: 100 }, () => uniquePrefix('a'))).size).toBe(100);
  });
});
