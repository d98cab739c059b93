import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { createEs, EsDocument, EsField } from '@infra-kit/es';

class Maker {
  @EsField({ type: 'keyword' })
  country = '';
}

@EsDocument({ index: 'products', settings: { number_of_replicas: 0 } })
class Product {
  @EsField({ type: 'keyword' })
  sku = '';

  @EsField({ type: 'text', analyzer: 'standard' })
  title = '';

  @EsField()
  note: string = '';

  @EsField()
  price: number = 0;

  @EsField()
  inStock: boolean = false;

  @EsField()
  soldAt: Date = new Date(0);

  @EsField({ of: () => Maker })
  maker = new Maker();
}

@EsDocument({ index: 'books' })
class Book extends Product {
  @EsField({ type: 'keyword' })
  isbn = '';
}

describe('an index from a class', () => {
  it('is made with the fields of the class, and searched by them', async () => {
    const es = await createEs({}, { env: 'test' });
    await es.indices.ensure(Product);
    const product = Object.assign(new Product(), {
      sku: 'A 1',
      title: 'Red shoe',
      note: 'Old Stock',
      price: 5,
      maker: { country: 'IT' },
    });
    await es.index('products', product, { id: '1' });
    const filter = [
      { term: { field: 'sku', value: 'A 1' } },
      { term: { field: 'note', value: 'Old Stock' } },
      { term: { field: 'maker.country', value: 'IT' } },
      { range: { field: 'price', gt: 4 } },
      { range: { field: 'soldAt', lt: '1971-01-01' } },
      { term: { field: 'inStock', value: false } },
    ];
    expect((await es.search<Product>('products', { text: 'shoe', filter })).hits[0]?.source.title).toBe(
      'Red shoe',
    );
    await es.indices.ensure(Product);
    await es.close();
  });

  it('has the fields of the class it extends', async () => {
    const es = await createEs({}, { env: 'test' });
    await es.indices.ensure(Book);
    await es.index('books', { isbn: 'X', sku: 'B 1' });
    const filter = [{ term: { field: 'isbn', value: 'X' } }, { term: { field: 'sku', value: 'B 1' } }];
    expect((await es.search('books', { filter })).total).toBe(1);
    await expect(es.search('products', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await es.close();
  });

  it('needs @EsDocument, and a type where none can be known', async () => {
    const es = await createEs({}, { env: 'test' });
    await expect(es.indices.ensure(Maker)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('@EsDocument'),
    });
    @EsDocument({ index: 'odd' })
    class Odd {
      @EsField()
      list: string[] = [];
    }
    await expect(es.indices.ensure(Odd)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Odd.list'),
    });
    await es.close();
  });
});
