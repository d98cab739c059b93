import type { RunningDemo } from './running-demo.js';

export interface Overview {
  readonly products: { readonly listTtlMs: number; readonly productTtlMs: number };
  readonly outcomes: Readonly<
    Record<string, { readonly status: string; readonly errors: readonly string[] }>
  >;
}

export function push(demo: RunningDemo, component: string, document: object): Promise<Response> {
  return fetch(`${demo.url}/admin/config/${component}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
}

export async function overview(demo: RunningDemo): Promise<Overview> {
  return (await (await fetch(`${demo.url}/admin/config`)).json()) as Overview;
}

/** The log level in force, as the health page says. */
export async function levelOf(demo: RunningDemo): Promise<string> {
  const page = (await (await fetch(`${demo.url}/health`)).json()) as {
    details: { clog: { level: string } };
  };
  return page.details.clog.level;
}
