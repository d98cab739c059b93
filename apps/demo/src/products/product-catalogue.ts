import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DbProvider, InfraError } from 'infra-kit';
import { ProductEntity } from './product.entity.js';
import type { Product } from './product.js';

const FIRST_STOCK: readonly Product[] = [
  { id: 'p-100', title: 'Noise-cancelling headphones', titleZh: '降噪耳机', priceCents: 14_900, stock: 200 },
  { id: 'p-101', title: 'Mechanical keyboard', titleZh: '机械键盘', priceCents: 8_900, stock: 120 },
  { id: 'p-102', title: 'Espresso machine', titleZh: '意式咖啡机', priceCents: 32_500, stock: 40 },
  { id: 'p-103', title: 'Trail running shoes', titleZh: '越野跑鞋', priceCents: 11_900, stock: 300 },
  { id: 'p-104', title: 'Cast iron pan', titleZh: '铸铁锅', priceCents: 5_400, stock: 80 },
];

export type Shelf = Pick<Product, 'id' | 'stock'>;

/** Where products come from: PostgreSQL, filled at the first start. */
@Injectable()
export class ProductCatalogue implements OnModuleInit {
  constructor(private readonly db: DbProvider) {}

  /** Instances that start at once fill it together; what is there stays as it is. */
  async onModuleInit(): Promise<void> {
    await this.db.em().upsertMany(ProductEntity, [...FIRST_STOCK], { onConflictAction: 'ignore' });
  }

  async all(): Promise<readonly Product[]> {
    return this.db.sql<Product>`
      select id, title, title_zh as "titleZh", price_cents as "priceCents", stock from products order by id`;
  }

  async byId(id: string): Promise<Product | null> {
    const [found] = await this.db.sql<Product>`
      select id, title, title_zh as "titleZh", price_cents as "priceCents", stock from products where id = ${id}`;
    return found ?? null;
  }

  shelves(): Promise<Shelf[]> {
    return this.db.sql<Shelf>`select id, stock from products order by id`;
  }

  async shelf(id: string): Promise<Shelf> {
    const [found] = await this.db.sql<Shelf>`select id, stock from products where id = ${id}`;
    if (found === undefined) throw new InfraError('NOT_FOUND', `no product ${id}`);
    return found;
  }

  /** Undefined, and nothing is added, when the shelf has seen a higher token. */
  async add(id: string, quantity: number, token: bigint): Promise<Shelf | undefined> {
    const [filled] = await this.db.sql<Shelf>`
      update products set stock = stock + ${quantity}, restocked_by = ${token}
      where id = ${id} and restocked_by < ${token} returning id, stock`;
    return filled;
  }
}
