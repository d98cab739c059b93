type Env = Readonly<Record<string, string | undefined>>;

/** What belongs to one shop, in every process of it: the names of topics, indices and keys begin with it. */
export const shopName = (env: Env): string => env['INFRA_SERVICE']?.trim() || 'flash-sale';
