import { IsInt, Max, Min } from 'class-validator';
import type { ConfigHandle, CoordProvider } from 'infra-kit';
import { parseConfig, type AppIdentity } from '@infra-kit/kernel';

const DAY_MS = 86_400_000;

/** How long products stay in the cache. Milliseconds, or texts like '30s'. */
export class ProductTtls {
  @IsInt()
  @Min(1)
  @Max(DAY_MS)
  listTtlMs = 30_000;

  @IsInt()
  @Min(1)
  @Max(DAY_MS)
  productTtlMs = 60_000;
}

/** Settings of this service's own, at `/config/{env}/{service}/products`: changed while it runs, on every instance. */
export class ProductSettings {
  constructor(readonly document: ConfigHandle<ProductTtls>) {}

  get ttls(): ProductTtls {
    return this.document.current;
  }

  static async follow({ config }: CoordProvider, { env, service }: AppIdentity): Promise<ProductSettings> {
    const document = await config.bind<ProductTtls>(`/config/${env}/${service}/products`, {
      parse: (raw) => parseConfig(ProductTtls, raw, { component: 'products' }),
      fallback: new ProductTtls(),
    });
    return new ProductSettings(document);
  }
}
