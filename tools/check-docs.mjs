// Checks the documents: every relative link leads to a file, and to a heading where it names one;
// every block of TypeScript compiles against the suite's sources. A block may leave out the imports
// of the suite and of Nest, and use the names that tools/docs/stage.d.ts sets up; `{ … }` is a body left out;
// pseudo-code is marked `text`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const stage = join(root, 'node_modules', '.cache', 'docs');
const documents = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));

/** What the examples use besides the suite and need not import. */
const ELSEWHERE = {
  '@nestjs/common':
    'Body Controller DynamicModule Get Inject Injectable Module Param Post Put UseGuards'.split(' '),
  '@nestjs/core': ['APP_GUARD', 'NestFactory'],
  '@mikro-orm/core': ['EntityRepository'],
  '@grpc/grpc-js': ['credentials'],
  '@nestjs/microservices': ['ClientsModule', 'GrpcOptions', 'Transport'],
  'class-validator': ['IsInt', 'IsString', 'Min'],
  'node:crypto': ['randomUUID'],
};
const TYPES = new Set(['DynamicModule', 'GrpcOptions']);

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading) =>
  heading
    .replace(/`|\*|\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

const withoutCode = (text) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
const anchorsOf = (path) =>
  new Set(
    [
      ...readFileSync(path, 'utf8')
        .replace(/^```[\s\S]*?^```/gm, '')
        .matchAll(/^#{1,6} (.+)$/gm),
    ].map(([, heading]) => anchorOf(heading)),
  );

function brokenLinks(document) {
  const path = join(root, document);
  const targets = [...withoutCode(readFileSync(path, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)].map(([, t]) => t);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .flatMap((target) => {
      const [file, anchor] = target.split('#');
      const at = file === '' ? path : resolve(dirname(path), decodeURIComponent(file));
      if (!existsSync(at)) return [`${document}: there is no ${target}`];
      if (anchor && at.endsWith('.md') && !anchorsOf(at).has(decodeURIComponent(anchor))) {
        return [`${document}: ${file || 'it'} has no heading #${anchor}`];
      }
      return [];
    });
}

/** Name → how to import it, of all entries of the suite's packages. */
function exportedNames() {
  const names = new Map();
  for (const lib of readdirSync(join(root, 'libs'))) {
    const pkg = JSON.parse(readFileSync(join(root, 'libs', lib, 'package.json'), 'utf8'));
    for (const [entry, target] of Object.entries(pkg.exports)) {
      if (typeof target !== 'object') continue;
      const source = join(
        root,
        'libs',
        lib,
        target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts'),
      );
      for (const [, type, list] of readFileSync(source, 'utf8').matchAll(/export (type )?\{([^}]*)\}/g)) {
        for (const item of list
          .split(',')
          .map((name) => name.trim())
          .filter(Boolean)) {
          const [, inner, , alias] = /^(type )?(\w+)(?: as (\w+))?$/.exec(item) ?? [];
          const name = alias ?? item.replace(/^type /, '').split(' ')[0];
          const from = `${pkg.name}${entry.slice(1)}`;
          const known = names.get(name) ?? [];
          names.set(name, [...known, { from, lib, type: Boolean(type ?? inner) }]);
        }
      }
    }
  }
  for (const [from, list] of Object.entries(ELSEWHERE)) {
    for (const name of list) names.set(name, [{ from, type: TYPES.has(name) }]);
  }
  return names;
}

function importsFor(code, document, names) {
  const lib = /libs\/([^/]+)\/|components\/([^/]+)\.md/.exec(document)?.slice(1).find(Boolean);
  const lines = [];
  for (const name of new Set(code.match(/\b[A-Za-z_]\w*\b/g))) {
    const homes = names.get(name);
    const own = new RegExp(
      `\\b(class|const|let|function|interface|type|import) ${name}\\b|import[^;]*\\b${name}\\b[^;]*from`,
    );
    if (homes === undefined || own.test(code)) continue;
    const home =
      homes.find((one) => one.lib === lib) ?? homes.find((one) => one.from !== 'infra-kit') ?? homes[0];
    lines.push(`import { ${home.type ? 'type ' : ''}${name} } from '${home.from}';`);
  }
  if (/\bgrpc\./.test(code)) lines.push("import * as grpc from '@grpc/grpc-js';");
  return lines.join(' ');
}

function stageBlocks() {
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  const names = exportedNames();
  const places = new Map();
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8');
    for (const { 1: code, index } of text.matchAll(/^```ts\n([\s\S]*?)^```/gm)) {
      const file = `${document.replace(/\W/g, '-')}-${places.size}.ts`;
      // on the line of the opening fence, so that line numbers of errors are the document's
      const line = text.slice(0, index).split('\n').length;
      writeFileSync(
        join(stage, file),
        `${importsFor(code, document, names)} export {};\n${code.replaceAll('{ … }', '{ throw 0; }')}`,
      );
      places.set(file, { document, line });
    }
  }
  const back = relative(stage, root);
  writeFileSync(
    join(stage, 'tsconfig.json'),
    JSON.stringify({
      extends: `${back}/tsconfig.json`,
      compilerOptions: { noUnusedLocals: false, types: ['node'], typeRoots: [`${back}/node_modules/@types`] },
      exclude: [],
      include: ['*.ts', `${back}/tools/docs/stage.d.ts`],
    }),
  );
  return places;
}

function brokenCode() {
  const places = stageBlocks();
  const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
  const { stdout, status } = spawnSync(
    process.execPath,
    [tsc, '-p', stage, '--noEmit', '--pretty', 'false'],
    {
      cwd: stage,
      encoding: 'utf8',
    },
  );
  if (status === 0) return { blocks: places.size, errors: [] };
  const errors = stdout
    .trim()
    .split('\n')
    .map((said) => {
      const [, file, line] = /^([^(]+)\((\d+),/.exec(said) ?? [];
      const place = places.get(file);
      if (place === undefined) return said;
      return `${place.document}:${place.line + Number(line) - 1}: ${said.replace(/^[^:]+: error /, '')}`;
    });
  return { blocks: places.size, errors };
}

const links = documents.flatMap(brokenLinks);
const { blocks, errors } = brokenCode();
for (const line of [...links, ...errors]) console.error(line);
console.log(
  `${documents.length} documents, ${blocks} blocks of TypeScript: ${links.length + errors.length} errors`,
);
process.exitCode = links.length + errors.length === 0 ? 0 : 1;
