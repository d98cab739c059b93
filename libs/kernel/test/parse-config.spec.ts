import { describe, expect, it } from '@jest/globals';
import { ConfigError, isConfigError, isInfraError, parseConfig } from '@infra-kit/kernel';
import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsNumber, IsOptional, IsString, Min, ValidateNested } from 'class-validator';

class Rule {
  @IsInt()
  @Min(1)
  limit = 10;
  @IsNumber()
  windowMs = 1_000;
}

class Tls {
  @IsString()
  key!: string;
}

class StoreConfig {
  @IsIn(['memory', 'redis'])
  driver = 'memory';
  @IsOptional()
  @IsString()
  url?: string;
  @IsOptional()
  @IsString()
  password?: string;
  @IsInt()
  @Min(1)
  poolSize = 5;
  @IsNumber()
  ttlMs = 60_000;
  @IsArray()
  @IsNumber({}, { each: true })
  retryDelaysMs: number[] = [100];
  @ValidateNested()
  @Type(() => Rule)
  rule = new Rule();
  @ValidateNested({ each: true })
  @Type(() => Rule)
  list: Rule[] = [];
  @ValidateNested()
  @Type(() => Rule)
  rules: Map<string, Rule> = new Map();
  @IsOptional()
  @ValidateNested()
  @Type(() => Tls)
  tls?: Tls;
  @IsOptional()
  @IsString({ each: true })
  tokens?: string[];
  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Tls)
  credentials?: Tls[];
}

const parse = (input: unknown, instance?: string): StoreConfig =>
  parseConfig(StoreConfig, input, { component: 'store', instance });

function problems(input: unknown): readonly string[] {
  try {
    parse(input);
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
  return [];
}

describe('good data', () => {
  it('becomes an instance, its defaults where nothing is said', () => {
    const config = parse({ poolSize: 9 });
    expect(config).toBeInstanceOf(StoreConfig);
    expect(config).toMatchObject({ driver: 'memory', poolSize: 9, ttlMs: 60_000 });
    expect(config.rule).toBeInstanceOf(Rule);
    expect(parse({})).toEqual(new StoreConfig());
  });

  it('undefined members are as if they were not there', () => {
    expect(parse({ url: undefined, poolSize: undefined }).poolSize).toBe(5);
  });

  it('an instance of the class itself is taken as data', () => {
    expect(parse(Object.assign(new StoreConfig(), { poolSize: 7 }))).toMatchObject({ poolSize: 7 });
  });

  it('nested objects, lists and maps of named entries have their own defaults', () => {
    const config = parse({
      rule: { limit: 3 },
      list: [{ limit: 4 }],
      rules: { login: { limit: 5 }, search: { windowMs: '5s' } },
    });
    expect(config.rule).toEqual({ limit: 3, windowMs: 1_000 });
    expect(config.list[0]).toBeInstanceOf(Rule);
    expect(config.rules.get('login')).toBeInstanceOf(Rule);
    expect([...config.rules]).toEqual([
      ['login', { limit: 5, windowMs: 1_000 }],
      ['search', { limit: 10, windowMs: 5_000 }],
    ]);
  });

  it('durations may be said with a unit in fields that end in Ms, at any depth', () => {
    const config = parse({
      ttlMs: '30s',
      retryDelaysMs: ['50ms', 200, '1m'],
      rule: { windowMs: '24h' },
      rules: new Map([['login', { windowMs: '1.5s' }]]),
    });
    expect(config.ttlMs).toBe(30_000);
    expect(config.retryDelaysMs).toEqual([50, 200, 60_000]);
    expect(config.rule.windowMs).toBe(86_400_000);
    expect(config.rules.get('login')?.windowMs).toBe(1_500);
  });

  it('a text elsewhere stays a text though it looks like a duration', () => {
    expect(parse({ url: '30s' }).url).toBe('30s');
  });

  it('does not share its parts with the data it was made from', () => {
    const input = { list: [{ limit: 1 }] };
    const config = parse(input);
    input.list[0]!.limit = 99;
    expect(config.list[0]?.limit).toBe(1);
  });
});

describe('bad data', () => {
  it('is refused with every bad field, unknown and null ones included, in one error', () => {
    const input = {
      driver: 'mysql',
      poolSize: 0,
      ttlMs: 'soon',
      url: null,
      unknown: 1,
      rule: { limit: 'x', extra: true },
      list: [{}, { limit: -1 }],
      rules: { login: { limit: 0, typo: 1 } },
    };
    expect(problems(input).toSorted()).toEqual([
      'driver: driver must be one of the following values: memory, redis (got "mysql")',
      'list[1].limit: limit must not be less than 1 (got -1)',
      'poolSize: poolSize must not be less than 1 (got 0)',
      'rule.extra: unknown field',
      'rule.limit: limit must be an integer number (got "x")',
      'rule.limit: limit must not be less than 1 (got "x")',
      'rules.login.limit: limit must not be less than 1 (got 0)',
      'rules.login.typo: unknown field',
      'ttlMs: ttlMs must be a number conforming to the specified constraints (got "soon")',
      'unknown: unknown field',
      'url: must not be null; leave it out to use the default',
    ]);
  });

  it('is INVALID_ARGUMENT, the message naming component, instance and every field', () => {
    const refuse = (instance?: string): unknown => {
      try {
        return parse({ poolSize: 0, typo: 1 }, instance);
      } catch (error) {
        return error;
      }
    };
    const error = refuse('sessions');
    expect(error).toBeInstanceOf(ConfigError);
    expect(isInfraError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', component: 'store', instance: 'sessions' });
    expect(String(error)).toMatch(/^ConfigError: store\(sessions\): invalid configuration\n {2}- /);
    expect(String(error)).toContain('\n  - typo: unknown field');
    expect(String(error)).toContain('\n  - poolSize: ');
    expect(String(refuse())).toMatch(/^ConfigError: store: invalid/);
    expect(String(refuse('default'))).toMatch(/^ConfigError: store: invalid/);
  });

  it.each([null, undefined, 5, 'text', [[]], true])('is refused when it is no object: %j', (input) => {
    expect(problems(input)).toEqual(['expected an object of settings']);
  });

  it('names nulls in lists and maps once', () => {
    expect(problems({ retryDelaysMs: [1, null], rules: { login: null } })).toEqual(
      expect.arrayContaining([
        'retryDelaysMs[1]: must not be null; leave it out to use the default',
        'rules.login: must not be null; leave it out to use the default',
      ]),
    );
    expect(problems({ url: null, poolSize: null })).toEqual([
      'url: must not be null; leave it out to use the default',
      'poolSize: must not be null; leave it out to use the default',
    ]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'with a field named %s is refused, at any depth, and pollutes nothing',
    (name) => {
      expect(problems(JSON.parse(`{ "${name}": { "polluted": 1 } }`))).toEqual([`${name}: unknown field`]);
      expect(problems(JSON.parse(`{ "rules": { "${name}": { "limit": 1 } } }`))).toEqual([
        `rules.${name}: unknown field`,
      ]);
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
    },
  );

  it('a duration without a unit, or a negative one, is refused', () => {
    expect(problems({ ttlMs: '500' })).toHaveLength(1);
    expect(problems({ ttlMs: '-5s' })).toHaveLength(1);
  });
});

describe('a secret is not quoted', () => {
  it.each([
    ['by the name of its field', { password: 12345 }, '12345'],
    ['in a nested object', { tls: { key: 98765 } }, '98765'],
    ['in a list', { tokens: [4711] }, '4711'],
    ['in a list of objects', { credentials: ['hunter2'] }, 'hunter2'],
    ['in a URL', { driver: 'redis://user:hunter2@host/0?password=hunter3' }, /hunter[23]/],
    ['in the query of a URL', { driver: 'redis://host/0?password=hunter3' }, 'hunter3'],
    ['in what was meant to be a URL', { driver: 'user:hunter2@host' }, 'hunter2'],
  ])('%s', (_where, input, secret) => {
    const found = problems(input).join('\n');
    expect(found).not.toBe('');
    expect(found).not.toMatch(secret);
  });

  it('and a long value is cut short', () => {
    expect(problems({ driver: 'x'.repeat(500) })[0]?.length).toBeLessThan(200);
  });
});
