import { describe, expect, it } from '@jest/globals';
import { Roster } from '../src/registry/roster.js';
import type { Member } from '../src/registry/service-instance.js';

const member = (id: string, ttlMs = 15_000): Member => ({
  instance: { service: 'orders', id, address: `${id}:80` },
  ttlMs,
});
const ids = (roster: Roster): string => roster.instances.map(({ id }) => id).join('');

function rosterOf(...list: readonly string[]): Roster {
  const roster = new Roster();
  roster.listed(
    list.map((id) => member(id)),
    0,
  );
  return roster;
}

describe('who is believed to run', () => {
  it('follows the store while nothing is wrong', () => {
    const roster = rosterOf('b', 'a');
    expect(ids(roster)).toBe('ab');
    roster.joined(member('c'));
    roster.vanished('a', 1);
    expect(ids(roster)).toBe('bc');
    roster.listed([member('d')], 2);
    expect(ids(roster)).toBe('d');
    expect(roster.settlesAt).toBeUndefined();
  });

  it('keeps all while the store is away', () => {
    const roster = rosterOf('a', 'b');
    roster.disconnected();
    roster.vanished('a', 5_000_000);
    expect(ids(roster)).toBe('ab');
  });

  it('lets who is missing after a disconnect go only when still missing one largest ttl + 1 s later', () => {
    const roster = new Roster();
    roster.listed([member('a', 2000), member('b', 6000), member('c', 2000)], 0);
    roster.disconnected();
    roster.connected(10_000);
    roster.listed([member('b', 6000)], 10_000);
    expect(roster.settlesAt).toBe(17_000);
    roster.joined(member('c', 2000));
    roster.settle(16_999);
    expect(ids(roster)).toBe('abc');
    roster.settle(17_000);
    expect(ids(roster)).toBe('bc');
    expect(roster.settlesAt).toBeUndefined();
    roster.vanished('b', 17_001);
    expect(ids(roster)).toBe('c');
  });

  it('does not believe an empty list after trouble', () => {
    const roster = rosterOf('a', 'b');
    roster.disconnected();
    roster.listed([], 100);
    roster.connected(100);
    roster.listed([], 101);
    expect(ids(roster)).toBe('ab');
    roster.settle(100 + 15_000 + 1000);
    expect(ids(roster)).toBe('');
  });

  it('believes a lease that ends while things settle only at the end of that time', () => {
    const roster = rosterOf('a');
    roster.disconnected();
    roster.connected(0);
    roster.vanished('a', 15_500);
    expect(ids(roster)).toBe('a');
    roster.vanished('a', 16_000);
    expect(ids(roster)).toBe('');
  });

  it('lets who says goodbye go at once, whatever goes on', () => {
    const roster = rosterOf('a', 'b', 'c');
    roster.left('a');
    roster.disconnected();
    roster.left('b');
    roster.connected(0);
    roster.left('c');
    expect(ids(roster)).toBe('');
  });

  it('begins the wait anew when the store goes away again, and not because it answers twice', () => {
    const roster = rosterOf('a');
    roster.disconnected();
    roster.connected(0);
    roster.connected(9000);
    expect(roster.settlesAt).toBe(16_000);
    roster.disconnected();
    expect(roster.settlesAt).toBeUndefined();
    roster.connected(20_000);
    expect(roster.settlesAt).toBe(36_000);
  });
});
