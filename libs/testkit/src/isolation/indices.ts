/** What Elasticsearch keeps under names: each path lists, and deletes by explicit names. */
const KEPT = [
  { list: '_resolve/index', field: 'data_streams', remove: '_data_stream' },
  { list: '_resolve/index', field: 'indices', remove: '' },
  { list: '_index_template', field: 'index_templates', remove: '_index_template' },
  { list: '_component_template', field: 'component_templates', remove: '_component_template' },
] as const;

/** Beyond this a request line grows too long for the server. */
const AT_ONCE = 50;

/**
 * Deletes every index (closed and hidden ones too), data stream and template whose name begins with the prefix. The
 * names are listed first and deleted by name: deletion by wildcard is refused by default. Aliases go with their indices.
 * Rejects when the prefix is empty, when the server refuses, or when it does not answer.
 */
export async function dropIndices(server: { readonly url: string }, prefix: string): Promise<void> {
  if (prefix === '') throw new Error('dropIndices() wants a prefix: without one it would delete everything');
  for (const { list, field, remove } of KEPT) {
    const query = list === '_resolve/index' ? '?expand_wildcards=all' : '';
    const found = await ask(server.url, 'GET', `${list}/${encodeURIComponent(prefix)}*${query}`);
    const names = namesIn(found[field]);
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = names.slice(at, at + AT_ONCE).map(encodeURIComponent);
      await ask(server.url, 'DELETE', [remove, some.join(',')].filter(Boolean).join('/'));
    }
  }
}

function namesIn(listed: unknown): readonly string[] {
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry: unknown) =>
    typeof entry === 'object' && entry !== null && 'name' in entry && typeof entry.name === 'string'
      ? [entry.name]
      : [],
  );
}

/** Not found is an empty answer: another may have deleted it meanwhile. */
async function ask(url: string, method: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  const base = new URL(url);
  const headers: Record<string, string> = {};
  if (base.username !== '') {
    const password = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
    headers.authorization = `Basic ${Buffer.from(password).toString('base64')}`;
    base.username = base.password = '';
  }
  const response = await fetch(new URL(path, base), { method, headers });
  if (response.status === 404) return {};
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 500)}`);
  return (await response.json()) as Record<string, unknown>;
}
