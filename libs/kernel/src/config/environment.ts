/** A variable of the environment; undefined when missing or blank. */
export function envText(name: string): string | undefined {
  const text = process.env[name]?.trim();
  return text === '' ? undefined : text;
}

/** The environment's name: what the code passes, else INFRA_ENV, else NODE_ENV, else development. */
export function resolveEnv(env?: string): string {
  const passed = env?.trim() === '' ? undefined : env;
  return passed ?? envText('INFRA_ENV') ?? envText('NODE_ENV') ?? 'development';
}

/** Any name but development and test behaves as production. */
export function isProductionLike(env: string): boolean {
  return env !== 'development' && env !== 'test';
}

/** A URL for eyes: credentials and query values replaced. Anything that is no URL is not shown at all. */
export function redactUrl(url: string): string {
  // 'user:secret@host' parses, as a scheme and a path
  if (!URL.canParse(url) || (url.includes('@') && !url.includes('://'))) return '<not a URL>';
  const shown = new URL(url);
  if (shown.username !== '') shown.username = '***';
  if (shown.password !== '') shown.password = '***';
  for (const key of new Set(shown.searchParams.keys())) shown.searchParams.set(key, '***');
  return shown.toString();
}
