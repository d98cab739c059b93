import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DbProvider } from 'infra-kit';
import { ProductEntity, type ProductRow } from './product.entity.js';
import type { Product } from './product.js';

const FIRST_STOCK: readonly Product[] = [
  { id: 'p-100', title: 'Noise-cancelling headphones', titleZh: '降噪耳机', priceCents: 14_900, stock: 200 },
  { id: 'p-101', title: 'Mechanical keyboard', titleZh: '机械键盘', priceCents: 8_900, stock: 120 },
  { id: 'p-102', title: 'Espresso machine', titleZh: '意式咖啡机', priceCents: 32_500, stock: 40 },
  { id: 'p-103', title: 'Trail running shoes', titleZh: '越野跑鞋', priceCents: 11_900, stock: 300 },
  { id: 'p-104', title: 'Cast iron pan', titleZh: '铸铁锅', priceCents: 5_400, stock: 80 },
];

/** Where products come from: PostgreSQL, filled at the first start. */
@Injectable()
export class ProductCatalogue implements OnModuleInit {
  constructor(private readonly db: DbProvider) {}

  /** Instances that start at once fill it together; what is there stays as it is. */
  async onModuleInit(): Promise<void> {
    await this.db.em().upsertMany(ProductEntity, [...FIRST_STOCK], { onConflictAction: 'ignore' });
  }

  async all(): Promise<readonly Product[]> {
    const rows = await this.db.em().findAll(ProductEntity, { orderBy: { id: 'asc' } });
    return rows.map((row) => plain(row));
  }

  async byId(id: string): Promise<Product | null> {
    const row = await this.db.em().findOne(ProductEntity, { id });
    return row === null ? null : plain(row);
  }
}

/** What goes into the cache is data, not an entity of some request. */
const plain = ({ id, title, titleZh, priceCents, stock }: ProductRow): Product => ({
  id,
  title,
  titleZh,
  priceCents,
  stock,
});
