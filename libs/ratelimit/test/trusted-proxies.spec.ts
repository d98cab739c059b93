import { describe, expect, it } from '@jest/globals';
import { addressKey, normalAddress, TrustedProxies } from '../src/nest/trusted-proxies.js';

describe('an address', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['1.2.3.4:5678', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['[2001:DB8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]"', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['unknown', undefined],
    ['', undefined],
    ['1.2.3.4, 5.6.7.8', undefined],
    ['999.1.1.1', undefined],
  ])('%j has the normal form %j', (text, normal) => {
    expect(normalAddress(text)).toBe(normal);
  });

  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ])('%j counts as %j', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});

describe('who the client is', () => {
  const of = (
    trust: ConstructorParameters<typeof TrustedProxies>[0],
    peer: string,
    forwarded?: string,
  ): string | undefined => new TrustedProxies(trust).clientAddress(peer, { 'x-forwarded-for': forwarded });

  it('is the peer, where nobody is trusted', () => {
    expect(of(false, '9.9.9.9', '1.1.1.1')).toBe('9.9.9.9');
    expect(of(0, '::ffff:9.9.9.9', '1.1.1.1')).toBe('9.9.9.9');
  });

  it('is so many steps before us', () => {
    expect(of(1, '9.9.9.9', '1.1.1.1, 2.2.2.2')).toBe('2.2.2.2');
    expect(of(2, '9.9.9.9', '1.1.1.1, 2.2.2.2')).toBe('1.1.1.1');
    expect(of(9, '9.9.9.9', '1.1.1.1, 2.2.2.2')).toBe('1.1.1.1');
    expect(of(1, '9.9.9.9')).toBe('9.9.9.9');
  });

  it('is the first that is no trusted network, from us on', () => {
    const nets = ['10.0.0.0/8', '2001:db8::/32'];
    expect(of(nets, '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.2.2.2')).toBe('1.1.1.1');
    expect(of(nets, '::ffff:10.0.0.1', '1.1.1.1')).toBe('1.1.1.1');
    expect(of(nets, '2001:db8::5', '1.1.1.1')).toBe('1.1.1.1');
    expect(of(nets, '11.0.0.1', '1.1.1.1')).toBe('11.0.0.1');
  });

  it('is the last good one before an entry that is no address', () => {
    expect(of(5, '9.9.9.9', '1.1.1.1, nonsense, 2.2.2.2')).toBe('2.2.2.2');
  });
});
