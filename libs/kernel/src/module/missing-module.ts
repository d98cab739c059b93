import type { InjectionToken } from '@nestjs/common';

/**
 * What to add when nobody provides `token`, the provider of a component or a named instance of it. A failed start
 * holds this sentence; a decorator makes it the description of the symbol under which it injects its provider.
 */
export function missingModule(token: InjectionToken): string {
  const shown = typeof token === 'function' ? token.name : token.toString();
  const [, component, name] = /infra-kit:([^:]+):([^)]+)/.exec(shown) ?? [];
  if (component !== undefined)
    return `import InfraKitModule.forRoot({ ${component}: [{ name: '${name}', ... }] }) or the component's own module with that name`;
  const prefix = shown.replace(/Provider$/, '');
  return `import ${prefix}Module.forRoot(...) or InfraKitModule.forRoot({ ${prefix.toLowerCase()}: ... })`;
}
