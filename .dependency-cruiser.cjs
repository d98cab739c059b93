const LAYERS = [
  ['kernel'],
  ['clog', 'uid'],
  ['coord', 'cache', 'db', 'mq'],
  ['ratelimit', 'once', 'breaker', 'outbox', 'es'],
  ['metrics'],
  ['infra-kit'],
];
/** Layers 1, 2 and 4 know the kernel alone; layer 3 knows the front doors of layer 2; the umbrella knows all. */
const MAY_IMPORT = { 0: [], 1: [0], 2: [0], 3: [0, 2], 4: [0], 5: [0, 1, 2, 3, 4] };

const layerRules = LAYERS.map((names, layer) => {
  const allowed = MAY_IMPORT[layer].flatMap((index) => LAYERS[index]);
  const forbidden = LAYERS.flat().filter((name) => !allowed.includes(name));
  return {
    name: `layer-${layer}-against-the-table`,
    comment: `${names.join(', ')}: may import ${allowed.join(', ') || 'nothing'} of the suite`,
    severity: 'error',
    from: { path: `^libs/(${names.join('|')})/src/` },
    to: { path: `^libs/(${[...forbidden, 'testkit'].join('|')})/`, pathNot: '^libs/$1/' },
  };
});

const PEERS_BY_ENTRY = [
  { client: 'ioredis', home: '^libs/(cache/src/drivers/redis|testkit)/' },
  { client: '(pino|nestjs-pino|pino-http|pino-pretty)', home: '^libs/clog/' },
  { client: '@msgpack/msgpack', home: '^libs/cache/src/codecs/' },
  { client: 'etcd3', home: '^libs/(coord/src/drivers/etcd|testkit)/' },
  { client: '@grpc/grpc-js', home: '^libs/(coord|breaker|metrics|infra-kit)/src/grpc/' },
  { client: '@mikro-orm/[^/]+', home: '^libs/(db|outbox|once)/' },
  { client: '@(elastic|nestjs)/elasticsearch', home: '^libs/(es/src/drivers/elasticsearch|testkit)/' },
  { client: 'minisearch', home: '^libs/es/src/drivers/memory/' },
  { client: '@opentelemetry/(sdk-|exporter-|resources)[^/]*', home: '^libs/metrics/' },
  { client: 'kafkajs', home: '^libs/(mq/src/drivers/kafkajs|testkit)/' },
  { client: '@platformatic/kafka', home: '^libs/(mq/src/drivers/platformatic|testkit)/' },
  { client: '(snappy|lz4-napi)', home: '^libs/mq/src/' },
  { client: '@nestjs/(microservices|websockets|graphql)', home: '^libs/(kernel|ratelimit|infra-kit)/' },
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-deep-import',
      comment: 'another package only through its declared entries',
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: {
        path: '^libs/([^/]+)/',
        pathNot: [
          '^$1/$2/',
          '^libs/[^/]+/src/index[.]ts$',
          '^libs/[^/]+/src/drivers/[^/]+/index[.]ts$',
          '^libs/[^/]+/src/(testing|bench|grpc)/index[.]ts$',
        ],
      },
    },
    {
      name: 'testkit-in-tests-alone',
      severity: 'error',
      from: { path: '^(libs|apps)/[^/]+/src/', pathNot: '^libs/testkit/' },
      to: { path: '^libs/testkit/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...PEERS_BY_ENTRY.map(({ client, home }) => ({
      name: `${client.replace(/\W/g, '')}-in-its-place`,
      comment: 'an optional client library is imported only by the code that is loaded when it is chosen',
      severity: 'error',
      from: { path: '^libs/[^/]+/src/', pathNot: [home] },
      to: { path: `node_modules/${client}/`, dependencyTypesNot: ['type-only'] },
    })),
    {
      name: 'no-test-import',
      severity: 'error',
      from: { path: '/src/' },
      to: { path: '^(libs|apps)/[^/]+/(test|bench)/' },
    },
  ],
  options: {
    parser: 'tsc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '/dist/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
