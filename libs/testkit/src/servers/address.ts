const ADDRESS = /^(?:[a-z]+:\/\/)?(?:[^/]*@)?(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?/i;

/** Addresses are divided by commas, with a scheme or as host:port; a comma inside one (a password) is no division. */
export function splitAddresses(value: string): string[] {
  const divider = value.includes('://') ? /,(?=\s*[a-z]+:\/\/)/ : /,/;
  return value.split(divider).map((part) => part.trim());
}

/** Host and port of redis://:secret@host:1/2, http://host, host:9092. */
export function placeOf(
  address: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } {
  const [, host, port] = ADDRESS.exec(address) ?? [];
  if (host === undefined) throw new Error(`not an address: ${address}`);
  return { host, port: Number(port ?? defaultPort) };
}
