import { Injectable } from '@nestjs/common';
import type { Product } from './product.js';

const PRODUCTS: readonly Product[] = [
  { id: 'p-100', title: 'Noise-cancelling headphones', titleZh: '降噪耳机', priceCents: 14_900, stock: 200 },
  { id: 'p-101', title: 'Mechanical keyboard', titleZh: '机械键盘', priceCents: 8_900, stock: 120 },
  { id: 'p-102', title: 'Espresso machine', titleZh: '意式咖啡机', priceCents: 32_500, stock: 40 },
  { id: 'p-103', title: 'Trail running shoes', titleZh: '越野跑鞋', priceCents: 11_900, stock: 300 },
  { id: 'p-104', title: 'Cast iron pan', titleZh: '铸铁锅', priceCents: 5_400, stock: 80 },
];

/** Where products come from: an embedded data set. Each reading is counted, to show what the cache saves. */
@Injectable()
export class ProductCatalogue {
  #readings = 0;

  get readings(): number {
    return this.#readings;
  }

  all(): Promise<readonly Product[]> {
    this.#readings++;
    return Promise.resolve(PRODUCTS);
  }

  byId(id: string): Promise<Product | null> {
    this.#readings++;
    return Promise.resolve(PRODUCTS.find((product) => product.id === id) ?? null);
  }
}
