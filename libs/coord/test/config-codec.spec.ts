import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { isInfraError } from '@infra-kit/kernel';
import { decodeValue, encodeValue } from '../src/configuration/config-codec.js';
import { coordPlace } from '../src/coord.errors.js';

function refusal(text: string): unknown {
  try {
    return decodeValue(coordPlace('default'), '/db/password', text);
  } catch (error) {
    return error;
  }
}

describe('a stored text that is not JSON', () => {
  it.each(['hunter2', '{"password": hunter2}', `"hunter2`, `${'x'.repeat(99)} hunter2 ${'x'.repeat(99)}`])(
    'is told of without a word of it, as it may be a secret: %s',
    (text) => {
      const error = refusal(text);
      expect(isInfraError(error) && error.code).toBe('DATA_LOSS');
      expect(String(error)).toContain('"/db/password" is not JSON');
      expect(inspect(error, { depth: 9 })).not.toMatch(/hunter|xxx/);
    },
  );

  it('is told of with the place where it goes wrong, where that is known', () => {
    expect(String(refusal('{"a": 1,, }'))).toContain('at position 8 (line 1 column 9)');
  });
});

describe('a value that the store could not keep', () => {
  const place = coordPlace('default');

  it('is refused where a date in it is invalid, and where', () => {
    expect(() => encodeValue(place, { until: new Date('soon') })).toThrow(/'until' is an invalid Date/);
    expect(encodeValue(place, { until: new Date(0) })).toBe('{"until":"1970-01-01T00:00:00.000Z"}');
  });

  it('is refused before it is sent where it is larger than etcd takes, with its size', () => {
    expect(() => encodeValue(place, 'ä'.repeat(400_000))).toThrow(
      /value must be at most 750000 bytes as JSON, got 800002/,
    );
    expect(encodeValue(place, 'x'.repeat(749_998))).toHaveLength(750_000);
  });
});
