import { Inject, Injectable } from '@nestjs/common';
import { CoordProvider, InfraError, ReloadRegistry } from 'infra-kit';
import { APP_IDENTITY, type AppIdentity } from '@infra-kit/kernel';
import { ProductSettings, type ProductTtls } from '../products/product-settings.js';

const PRODUCTS = 'products';

export interface PushedDocument {
  readonly component: string;
  readonly revision: string;
}

export interface ConfigOverview {
  readonly instance: string;
  readonly products: ProductTtls;
  /** The documents of the configuration centre. */
  readonly documents: readonly (PushedDocument & { readonly document: unknown })[];
  /** What each instance made of them: `{component}/{instance}` → applied, or refused and why. */
  readonly outcomes: Readonly<Record<string, unknown>>;
}

/** Documents of this service in the configuration centre. */
@Injectable()
export class ConfigAdmin {
  readonly #root: string;

  constructor(
    private readonly coord: CoordProvider,
    private readonly reload: ReloadRegistry,
    private readonly products: ProductSettings,
    @Inject(APP_IDENTITY) private readonly identity: AppIdentity,
  ) {
    this.#root = `/config/${identity.env}/${identity.service}/`;
  }

  async overview(): Promise<ConfigOverview> {
    const { config } = this.coord;
    const statusRoot = `/config-status${this.#root}`;
    const [documents, outcomes] = await Promise.all([config.list(this.#root), config.list(statusRoot)]);
    return {
      instance: this.identity.instance,
      products: this.products.ttls,
      documents: documents.map(({ key, value, revision }) => ({
        component: key.slice(this.#root.length),
        revision: String(revision),
        document: value,
      })),
      outcomes: Object.fromEntries(outcomes.map(({ key, value }) => [key.slice(statusRoot.length), value])),
    };
  }

  async push(component: string, document: object, by: string): Promise<PushedDocument> {
    const known = [
      ...this.reload
        .status()
        .map((one) => (one.instance === 'default' ? one.component : `${one.component}.${one.instance}`)),
      PRODUCTS,
    ];
    if (!known.includes(component))
      throw new InfraError(
        'NOT_FOUND',
        `nothing takes documents as ${component}; known are ${known.join(', ')}`,
      );
    const revision = await this.coord.config.set(`${this.#root}${component}`, document, { by });
    return { component, revision: String(revision) };
  }
}
