/** An article of the flash sale. Prices are whole cents. */
export interface Product {
  readonly id: string;
  readonly title: string;
  readonly titleZh: string;
  readonly priceCents: number;
  readonly stock: number;
}
