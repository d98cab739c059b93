import { describe, expect, it } from '@jest/globals';
import { crc16, hashSlot } from '../src/drivers/redis/hash-slot.js';
import { redirectionOf, SlotMap } from '../src/drivers/redis/slot-map.js';

describe('the slots of a cluster', () => {
  it('are the CRC of the key, or of its first tag that is not empty', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x31c3);
    expect(hashSlot('{user:7}:a')).toBe(hashSlot('user:7'));
    expect(hashSlot('{user:7}:a')).toBe(hashSlot('b{user:7}{other}'));
    expect(hashSlot('{}a')).not.toBe(hashSlot('{}b'));
  });

  it('are owned by the masters that a node names; without a host the node itself is meant', () => {
    const map = new SlotMap();
    map.read(
      [
        [0, 99, ['10.0.0.1', 7000, 'id', []], ['10.0.0.9', 7009, 'replica']],
        [100, 199, ['', 7001, 'id']],
        [200, 200, [null, 7002, 'id']],
        [201, 300, ['?', 7003, 'id']],
      ],
      'asked',
    );
    expect([0, 99, 100, 200, 300, 301].map((slot) => map.owner(slot))).toEqual([
      '10.0.0.1:7000',
      '10.0.0.1:7000',
      'asked:7001',
      'asked:7002',
      'asked:7003',
      undefined,
    ]);
    expect(map.masters).toEqual(['10.0.0.1:7000', 'asked:7001', 'asked:7002', 'asked:7003']);
  });

  it('stay what they were when the answer is none', () => {
    const map = new SlotMap();
    map.read([[0, 16_383, ['a', 1, 'id']]], 'asked');
    for (const reply of [null, 'text', [[0, 1, 'a']]])
      expect(() => map.read(reply, 'asked')).toThrow(TypeError);
    expect(map.masters).toEqual(['a:1']);
    map.give(7, 'b:2');
    expect([map.owner(7), map.owner(8)]).toEqual(['b:2', 'a:1']);
  });

  it.each([
    ['MOVED 3999 127.0.0.1:6381', { kind: 'MOVED', slot: 3999, to: '127.0.0.1:6381' }],
    ['ASK 3999 host.example:6381', { kind: 'ASK', slot: 3999, to: 'host.example:6381' }],
    ['MOVED 1 :6381', { kind: 'MOVED', slot: 1, to: 'asked:6381' }],
    ['MOVED 1 fe80::1:6381', { kind: 'MOVED', slot: 1, to: 'fe80::1:6381' }],
    ['ERR MOVED 1 a:1', undefined],
    ['TRYAGAIN later', undefined],
  ])('are pointed to by %s', (message, redirection) => {
    expect(redirectionOf(new Error(message), 'asked')).toEqual(redirection);
  });
});
