import { describe, expect, it } from '@jest/globals';
import { createOutbox, defaultOutboxConfig, parseOutboxConfig, type OutboxOptions } from '@infra-kit/outbox';

const there = { instance: 'default', hasDb: true, hasMq: true, hasCoord: true };
const problemsOf = (options: unknown, place = there): readonly string[] => {
  try {
    parseOutboxConfig(options, place);
    return [];
  } catch (error) {
    return (error as { problems: string[] }).problems;
  }
};

describe('the configuration', () => {
  it('has the defaults of the page, in every environment', () => {
    expect(defaultOutboxConfig('production')).toEqual(defaultOutboxConfig('test'));
    expect(parseOutboxConfig({}, there)).toMatchObject({
      pollIntervalMs: 500,
      batchSize: 200,
      relay: true,
      leader: 'advisory-lock',
      lanes: 16,
      retentionMs: 604_800_000,
      inboxRetentionMs: 2_592_000_000,
      onParked: 'block',
      orderPerKey: true,
      notify: false,
      table: { outbox: 'infra_outbox', inbox: 'infra_inbox' },
    });
  });

  it('takes durations as texts, and a text as the name of the outbox table', () => {
    const config = parseOutboxConfig({ pollIntervalMs: '2s', table: 'app.events' }, there);
    expect(config).toMatchObject({
      pollIntervalMs: 2000,
      table: { outbox: 'app.events', inbox: 'infra_inbox' },
    });
  });

  it('names every bad field in one error, unknown ones and what is missing included', () => {
    const bad = { batchSize: 0, leader: 'me', lanes: 5000, table: { outbox: 'Drop "x"' }, colour: 1 };
    expect(problemsOf(bad, { ...there, hasDb: false, hasMq: false })).toEqual([
      'colour: unknown field',
      expect.stringMatching(/^batchSize: /),
      expect.stringMatching(/^leader: /),
      expect.stringMatching(/^lanes: /),
      expect.stringMatching(/^table\.outbox: .*schema\.table/),
      expect.stringMatching(/^db: .*createOutbox\(…, \{ db \}\)/),
      expect.stringMatching(/^mq: .*createOutbox\(…, \{ mq \}\)/),
    ]);
  });

  it("refuses leader 'coord' without coord", () => {
    expect(problemsOf({ leader: 'coord' }, { ...there, hasCoord: false })).toEqual([
      expect.stringMatching(/^leader: 'coord' needs coord/),
    ]);
  });

  it('that is none, or that lacks database and mq, rejects the making', async () => {
    await expect(createOutbox('x' as unknown as OutboxOptions)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(createOutbox()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
